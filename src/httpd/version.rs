//! Which httpd runs the module. httpd itself compares only the first number of the interface, so that
//! a module built for a later 2.4 would be loaded and then read fields that are not there.

use std::mem::MaybeUninit;

use crate::httpd::ffi;
use crate::messages::MessageCode::JK111;

/// A release of httpd: 2.4.18 is `(2, 4, 18)`.
pub type HttpdVersion = (i32, i32, i32);

/// The first release with `conn_rec.master`, which build.rs looks for in the headers.
const OLDEST: HttpdVersion = (2, 4, 18);

/// Returns the release that runs.
pub fn running() -> HttpdVersion {
    let mut version = MaybeUninit::<ffi::ap_version_t>::zeroed();
    // SAFETY: httpd fills in the structure and keeps nothing of it.
    unsafe { ffi::ap_get_server_revision(version.as_mut_ptr()) };
    // SAFETY: all-zero was valid already: three numbers and a pointer.
    let version = unsafe { version.assume_init() };
    (version.major, version.minor, version.patch)
}

/// Returns why the module cannot run in a release, in words.
pub fn refusal(running: HttpdVersion) -> Option<String> {
    let shown = |(major, minor, patch): HttpdVersion| format!("{major}.{minor}.{patch}");
    (running < OLDEST).then(|| {
        format!(
            "{JK111} this mod_jk needs httpd {} or later and is loaded by httpd {}; httpd does not start \
             with it: upgrade httpd, or remove the LoadModule line of jk_module",
            shown(OLDEST),
            shown(running)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_httpd_before_2_4_18_is_refused_in_words() {
        for old in [(2, 2, 34), (2, 4, 0), (2, 4, 10), (2, 4, 17)] {
            let said = refusal(old).expect("too old");
            let own = format!("httpd {}.{}.{};", old.0, old.1, old.2);
            assert!(said.contains("httpd 2.4.18 or later") && said.contains(&own), "{said}");
        }
        for new in [(2, 4, 18), (2, 4, 71), (2, 5, 0), (3, 0, 0)] {
            assert_eq!(refusal(new), None);
        }
    }
}
