//! Regular expressions of `ProxyPassMatch` as patterns of rules, where they say no more than those can.

/// Returns the patterns, with `*` and `?`, that together match what a regular expression matches of a path;
/// `None` for one that says more.
pub(super) fn globs(regex: &str) -> Option<Vec<String>> {
    let (is_anchored, body) = match regex.strip_prefix('^') {
        Some(body) => (true, body),
        None => (false, regex),
    };
    let (is_whole, body) = match body.strip_suffix('$') {
        Some(body) if !body.ends_with('\\') => (true, body),
        _ => (false, body),
    };
    let mut all = expand(body)?;
    if !is_whole {
        all.iter_mut().for_each(|own| own.push('*'));
    }
    if !is_anchored {
        // A path begins with a slash, which may be the one that the expression names.
        let deeper = all.iter().map(|own| format!("/*{own}")).collect::<Vec<_>>();
        all.retain(|own| own.starts_with('/'));
        all.extend(deeper);
    }
    for own in &mut all {
        while own.contains("**") {
            *own = own.replace("**", "*");
        }
    }
    all.dedup();
    all.iter().all(|own| own.starts_with('/')).then_some(all)
}

/// Tells whether what a `ProxyPassMatch` sends is the path that it has matched. `path` is what stands behind
/// the host, with `$1` and so on.
pub(super) fn keeps_path(regex: &str, path: &str) -> bool {
    // Without a reference, httpd appends the whole path.
    if !path.contains('$') {
        return path.is_empty();
    }
    // What runs to the end ends there.
    let is_open = regex.ends_with(".*") || regex.ends_with(".*)");
    let regex = &if is_open { format!("{regex}$") } else { regex.to_owned() };
    let (groups, mut last) = (groups(regex), 0);
    let mut made = String::from("^");
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().and_then(|next| next.to_digit(10))) {
            ('$', Some(0)) => {
                chars.next();
                made.push_str(regex.trim_start_matches('^').trim_end_matches('$'));
            }
            ('$', Some(number)) => {
                chars.next();
                // Exchanged or repeated groups make another path.
                if number <= last {
                    return false;
                }
                last = number;
                let Some(group) = groups.get(number as usize - 1) else { return false };
                made.push_str(group);
            }
            _ if c.is_ascii_alphanumeric() || "/-_~%".contains(c) => made.push(c),
            _ => made.extend(['\\', c]),
        }
    }
    made.push('$');
    let is_whole = regex.starts_with('^') && regex.ends_with('$');
    is_whole && globs(&made).is_some_and(|own| globs(regex) == Some(own))
}

/// The groups of an expression, parentheses included, in their order.
fn groups(regex: &str) -> Vec<String> {
    let bytes = regex.as_bytes();
    let (mut found, mut open) = (Vec::new(), Vec::new());
    for (at, byte) in bytes.iter().enumerate() {
        let is_escaped = at > 0 && bytes[at - 1] == b'\\';
        match byte {
            b'(' if !is_escaped => {
                let counts = bytes.get(at + 1) != Some(&b'?');
                open.push((at, counts.then_some(found.len())));
                if counts {
                    found.push(String::new());
                }
            }
            b')' if !is_escaped => {
                if let Some((begin, Some(place))) = open.pop() {
                    // One that may be missing counts with its question mark.
                    let end = if bytes.get(at + 1) == Some(&b'?') { at + 2 } else { at + 1 };
                    found[place] = regex.get(begin..end).unwrap_or_default().to_owned();
                }
            }
            _ => {}
        }
    }
    found
}

/// Most patterns that one expression is taken apart into.
const MOST: usize = 64;

/// All texts of an expression without anchors; a `*` or `?` stands for itself as in a pattern.
fn expand(body: &str) -> Option<Vec<String>> {
    let mut alternatives = Vec::new();
    for part in split(body)? {
        alternatives.extend(sequence(&part)?);
    }
    (alternatives.len() <= MOST).then_some(alternatives)
}

/// Splits at the bars that stand in no group.
fn split(body: &str) -> Option<Vec<String>> {
    let (mut parts, mut depth, mut is_escaped) = (vec![String::new()], 0_usize, false);
    for c in body.chars() {
        match c {
            _ if is_escaped => {}
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            '|' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
        parts.last_mut()?.push(c);
    }
    (depth == 0).then_some(parts)
}

fn sequence(part: &str) -> Option<Vec<String>> {
    let mut made = vec![String::new()];
    let mut rest = part;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let mut options = match c {
            '(' => {
                let end = closing(rest)?;
                let inner = rest[..end].strip_prefix("?:").unwrap_or(&rest[..end]);
                rest = &rest[end + 1..];
                expand(inner)?
            }
            '.' => match rest.chars().next() {
                Some('*') => {
                    rest = &rest[1..];
                    vec!["*".to_owned()]
                }
                Some('+') => {
                    rest = &rest[1..];
                    vec!["?*".to_owned()]
                }
                _ => vec!["?".to_owned()],
            },
            '\\' => {
                let next = rest.chars().next()?;
                rest = &rest[next.len_utf8()..];
                // A letter names a class, and a wildcard cannot be written as itself.
                (!next.is_alphanumeric() && !"*?|".contains(next))
                    .then(|| vec![next.to_string()])?
            }
            '[' | ']' | '{' | '}' | '*' | '+' | '?' | '^' | '$' | ')' => return None,
            _ => vec![c.to_string()],
        };
        match rest.chars().next() {
            Some('?') => {
                rest = &rest[1..];
                options.push(String::new());
            }
            Some('*' | '+' | '{') => return None,
            _ => {}
        }
        let joined = made.iter().flat_map(|own| options.iter().map(move |one| own.clone() + one));
        made = joined.collect();
        if made.len() > MOST {
            return None;
        }
    }
    Some(made)
}

/// Where the group that has been opened ends.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut is_escaped) = (0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => {}
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_as_patterns() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("^/app/(.*)$", Some(&["/app/*"])),
            ("^/app(/.*)?$", Some(&["/app/*", "/app"])),
            ("^/(a|b)/", Some(&["/a/*", "/b/*"])),
            ("\\.jsp$", Some(&["/*.jsp"])),
            ("\\.(gif|jpe?g)$", Some(&["/*.gif", "/*.jpg", "/*.jpeg"])),
            ("^/app", Some(&["/app*"])),
            ("/static/", Some(&["/static/*", "/*/static/*"])),
            ("^(/x/.+)$", Some(&["/x/?*"])),
            ("^/.*$", Some(&["/*"])),
            ("^/[a-z]+/x$", None),
            ("^/a{2}$", None),
            ("^/(?!static).*$", None),
            ("^/a\\d$", None),
            ("^(?i)/a$", None),
            ("^/(a$", None),
            ("^.*x$", None),
        ];
        for (regex, expected) in cases {
            let own = globs(regex);
            let mut own =
                own.as_ref().map(|own| own.iter().map(String::as_str).collect::<Vec<_>>());
            let mut expected = expected.map(<[&str]>::to_vec);
            own.iter_mut().chain(&mut expected).for_each(|list| list.sort_unstable());
            assert_eq!(own, expected, "{regex}");
        }
    }

    #[test]
    fn paths_that_stay_as_they_are() {
        let cases = [
            ("^/(.*)$", "/$1", true),
            ("^(/app/.*)$", "$1", true),
            ("^/app/(.*)$", "/app/$1", true),
            ("^/app/(.*)$", "/other/$1", false),
            ("^/app(/.*)?$", "/app$1", true),
            ("^/(.*\\.jsp)$", "/$1", true),
            ("^/.*\\.jsp$", "", true),
            ("^/.*\\.jsp$", "/x", false),
            ("^/a/(.*)/(.*)$", "/a/$2/$1", false),
            ("^/(a|b)/(.*)$", "/$1/$2", true),
            ("^/(a|b)/(.*)$", "/$2/$1", false),
            ("^/app/(.*)", "/app/$1", true),
            ("^/x$", "$0", true),
        ];
        for (regex, path, expected) in cases {
            assert_eq!(keeps_path(regex, path), expected, "{regex} {path}");
        }
    }
}
