//! What httpd 2.4 makes of a request target before a module sees it: enough of it for the cases.

/// `AllowEncodedSlashes` and `MergeSlashes`.
#[derive(Clone, Copy)]
pub struct Httpd<'a> {
    pub encoded_slashes: &'a str,
    pub merge_slashes: bool,
}

impl Httpd<'_> {
    /// Returns the decoded path, or the status httpd answers by itself.
    pub fn path(self, target: &str) -> Result<Vec<u8>, u16> {
        if target.contains('#') {
            return Err(400);
        }
        let target = target.split('?').next().unwrap();
        let path = match target.strip_prefix("http://") {
            Some(rest) => &rest[rest.find('/').ok_or(400_u16)?..],
            None => target,
        };
        if !path.starts_with('/') {
            return Err(400);
        }
        // Unreserved characters are decoded before dot segments are resolved.
        let path = path.replace("%2e", ".").replace("%2E", ".");
        let path = self.resolve(path.as_bytes())?;
        let decoded = self.decode(&path)?;
        match self.encoded_slashes {
            "On" => self.resolve(&decoded),
            _ => Ok(decoded),
        }
    }

    fn resolve(self, path: &[u8]) -> Result<Vec<u8>, u16> {
        let mut kept: Vec<&[u8]> = Vec::new();
        let segments: Vec<&[u8]> = path[1..].split(|b| *b == b'/').collect();
        for (n, segment) in segments.iter().enumerate() {
            let is_last = n + 1 == segments.len();
            match *segment {
                b"" if !is_last && (self.merge_slashes || kept.is_empty()) => {}
                b"." if is_last => kept.push(b""),
                b"." => {}
                b".." => {
                    kept.pop().ok_or(400_u16)?;
                    if is_last {
                        kept.push(b"");
                    }
                }
                _ => kept.push(segment),
            }
        }
        Ok([b"/", kept.join(&b'/').as_slice()].concat())
    }

    fn decode(self, path: &[u8]) -> Result<Vec<u8>, u16> {
        let mut out = Vec::new();
        let mut status = None;
        let mut rest = path;
        while let [first, tail @ ..] = rest {
            if *first != b'%' {
                out.push(*first);
                rest = tail;
                continue;
            }
            let digits = tail.get(..2).and_then(|d| std::str::from_utf8(d).ok()).ok_or(400_u16)?;
            let byte = u8::from_str_radix(digits, 16).map_err(|_| 400_u16)?;
            match (byte, self.encoded_slashes) {
                (0, _) | (b'/', "Off") => status = Some(404),
                (b'/', "NoDecode") => out.extend_from_slice(&rest[..3]),
                _ => out.push(byte),
            }
            rest = &tail[2..];
        }
        status.map_or(Ok(out), Err)
    }
}
