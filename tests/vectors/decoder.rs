//! The backend's view of a FORWARD_REQUEST, written from the protocol description alone so that
//! a mistake of the encoder is not repeated here.

/// A decoded request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    pub method: Vec<u8>,
    pub protocol: Vec<u8>,
    pub uri: Vec<u8>,
    pub remote_addr: Option<Vec<u8>>,
    pub remote_host: Option<Vec<u8>>,
    pub server_name: Vec<u8>,
    pub server_port: u16,
    pub is_tls: bool,
    /// Coded names in lower case.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub attributes: Vec<Field>,
}

/// A decoded attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    Text(u8, Vec<u8>),
    KeySize(u16),
    Named(Vec<u8>, Vec<u8>),
}

/// Decodes a whole packet.
pub fn decode(packet: &[u8]) -> Result<Forward, String> {
    let mut wire = Wire { packet, at: 0 };
    if wire.number()? != 0x1234 || usize::from(wire.number()?) != packet.len() - 4 {
        return Err("header".into());
    }
    if wire.byte()? != 2 {
        return Err("type".into());
    }
    let method = wire.byte()?;
    let mut forward = Forward {
        method: match method {
            0xff => Vec::new(),
            code => {
                let index = usize::from(code).checked_sub(1).ok_or("method code")?;
                METHODS.split_whitespace().nth(index).ok_or("method code")?.into()
            }
        },
        protocol: wire.text()?,
        uri: wire.text()?,
        remote_addr: wire.optional()?,
        remote_host: wire.optional()?,
        server_name: wire.text()?,
        server_port: wire.number()?,
        is_tls: wire.byte()? != 0,
        headers: Vec::new(),
        attributes: Vec::new(),
    };
    for _ in 0..wire.number()? {
        let name = match packet.get(wire.at) {
            Some(0xa0) => {
                let index = usize::from(wire.number()? & 0xff).checked_sub(1).ok_or("code")?;
                NAMES.split_whitespace().nth(index).ok_or("header code")?.into()
            }
            _ => wire.text()?,
        };
        forward.headers.push((name, wire.text()?));
    }
    loop {
        match wire.byte()? {
            0xff => break,
            0x0d => forward.method = wire.text()?,
            0x0b => forward.attributes.push(Field::KeySize(wire.number()?)),
            0x0a => forward.attributes.push(Field::Named(wire.text()?, wire.text()?)),
            code @ (1..=9 | 0x0c) => forward.attributes.push(Field::Text(code, wire.text()?)),
            other => return Err(format!("attribute {other:#04x}")),
        }
    }
    if wire.at != packet.len() {
        return Err("bytes behind the end".into());
    }
    Ok(forward)
}

struct Wire<'a> {
    packet: &'a [u8],
    at: usize,
}

impl Wire<'_> {
    fn byte(&mut self) -> Result<u8, String> {
        let byte = *self.packet.get(self.at).ok_or("cut")?;
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u16, String> {
        Ok(u16::from(self.byte()?) << 8 | u16::from(self.byte()?))
    }

    fn optional(&mut self) -> Result<Option<Vec<u8>>, String> {
        let len = self.number()?;
        if len == 0xffff {
            return Ok(None);
        }
        let text = (0..len).map(|_| self.byte()).collect::<Result<_, _>>()?;
        match self.byte()? {
            0 => Ok(Some(text)),
            _ => Err("string without NUL".into()),
        }
    }

    fn text(&mut self) -> Result<Vec<u8>, String> {
        self.optional()?.ok_or_else(|| "null string".into())
    }
}

const METHODS: &str = "OPTIONS GET HEAD POST PUT DELETE TRACE PROPFIND PROPPATCH MKCOL COPY MOVE \
                       LOCK UNLOCK ACL REPORT VERSION-CONTROL CHECKIN CHECKOUT UNCHECKOUT SEARCH \
                       MKWORKSPACE UPDATE LABEL MERGE BASELINE-CONTROL MKACTIVITY";

const NAMES: &str = "accept accept-charset accept-encoding accept-language authorization \
                     connection content-type content-length cookie cookie2 host pragma referer \
                     user-agent";
