//! Who may do what: users, loopback, and requests another site made a browser send.

use crate::text;
use std::net::IpAddr;

/// What a browser says about where a request comes from.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // named after the headers
pub struct Provenance<'a> {
    pub method: &'a str,
    pub sec_fetch_site: Option<&'a str>,
    pub origin: Option<&'a str>,
    pub referer: Option<&'a str>,
    pub host: Option<&'a str>,
}

/// Tells whether an address is this machine's own, as `JkStatusLoopback` demands. What is no address
/// is not.
pub fn is_loopback(remote: &str) -> bool {
    remote.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Tells whether a change may come from there. Scripts send none of the headers and may; a
/// browser's word counts first, then the host of `Origin`, then that of `Referer`.
pub fn may_change(from: &Provenance<'_>) -> bool {
    if !matches!(from.method, "GET" | "POST") {
        return false;
    }
    if let Some(site) = from.sec_fetch_site {
        // "none" is the address bar or a bookmark; a sibling host is another site to us.
        return matches!(site.trim(), "same-origin" | "none");
    }
    match from.origin.or(from.referer) {
        None => true,
        Some(url) => match (authority(url), from.host) {
            (Some((scheme, theirs)), Some(own)) => {
                without_port(theirs, scheme).eq_ignore_ascii_case(without_port(own.trim(), scheme))
            }
            _ => false,
        },
    }
}

/// Scheme, and what stands between `//` and the path; `None` for `null` and what is no URL.
fn authority(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let rest = rest.split(['/', '?', '#']).next()?;
    (!rest.is_empty() && !rest.contains(['@', '\\'])).then_some((scheme, rest))
}

/// Browsers leave the scheme's usual port out of one header and may put it into the other.
fn without_port<'a>(authority: &'a str, scheme: &str) -> &'a str {
    let usual = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    authority.strip_suffix(usual).unwrap_or(authority)
}

/// Tells whether a user may see the page; without a list every user may.
pub fn may_look(users: &[String], is_case_insensitive: bool, user: Option<&[u8]>) -> bool {
    users.is_empty()
        || user.filter(|user| !user.is_empty()).is_some_and(|user| {
            users.iter().any(|name| match is_case_insensitive {
                true => text::raw(name).eq_ignore_ascii_case(user),
                false => *text::raw(name) == *user,
            })
        })
}

/// Headers of every answer but Content-Type. The page's script and style carry the nonce given to
/// [`content_security_policy`].
pub const HEADERS: &[(&str, &str)] = &[
    ("Cache-Control", "no-store"),
    ("Pragma", "no-cache"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

/// Returns the policy for one answer. `nonce` is fresh random base64 or hexadecimal.
pub fn content_security_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}
