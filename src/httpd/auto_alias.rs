//! `JkAutoAlias`: static files of web applications, for requests that no rule maps.

use std::ffi::{OsStr, c_int};
use std::os::unix::ffi::OsStrExt;

use super::ffi;
use super::request::Request;
use crate::uri_map::clean;
use crate::uri_map::local::{AutoAlias, auto_alias};

/// Translates a request to a file below the directory of web applications, or declines it.
pub fn translate(request: Request<'_>, dir: &str) -> c_int {
    let path = request.bytes(request.fields().uri).unwrap_or_default();
    let mut buffer = Vec::new();
    let Ok(cleaned) = clean(path, &mut buffer) else { return ffi::DECLINED };
    match auto_alias(cleaned.path, dir.as_bytes(), is_dir) {
        AutoAlias::Declined => ffi::DECLINED,
        AutoAlias::Forbidden => ffi::HTTP_FORBIDDEN as c_int,
        AutoAlias::NotFound => ffi::HTTP_NOT_FOUND as c_int,
        AutoAlias::File(name) => {
            let name = request.keep(&name);
            // SAFETY: the request is ours during the hook; the text lies in its pool.
            unsafe { (*request.raw()).filename = name };
            ffi::OK as c_int
        }
    }
}

fn is_dir(path: &[u8]) -> bool {
    std::fs::metadata(OsStr::from_bytes(path)).is_ok_and(|about| about.is_dir())
}
