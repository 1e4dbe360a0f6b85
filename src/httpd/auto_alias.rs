//! `JkAutoAlias`: static files of web applications, for requests that no rule maps.

use std::ffi::{OsStr, c_int};
use std::os::unix::ffi::OsStrExt;

use crate::httpd::ffi;
use crate::httpd::request::Request;
use crate::text;
use crate::uri_map::local::{AutoAlias, auto_alias};
use crate::uri_map::normalize;

/// Translates a request to a file below the directory of web applications, or declines it.
pub fn translate(request: Request<'_>, dir: &str) -> c_int {
    let path = request.bytes(request.fields().uri()).unwrap_or_default();
    let mut buffer = Vec::new();
    let Ok(normalized) = normalize(path, &mut buffer) else { return ffi::DECLINED };
    match auto_alias(normalized.path, &text::raw(dir), is_dir) {
        AutoAlias::Declined => ffi::DECLINED,
        AutoAlias::Forbidden => ffi::HTTP_FORBIDDEN as c_int,
        AutoAlias::NotFound => ffi::HTTP_NOT_FOUND as c_int,
        AutoAlias::File(name) => {
            request.fields().set_filename(request.copied(&name));
            ffi::OK as c_int
        }
    }
}

fn is_dir(path: &[u8]) -> bool {
    std::fs::metadata(OsStr::from_bytes(path)).is_ok_and(|about| about.is_dir())
}
