//! Certificates of a test's own.

use std::path::Path;
use std::process::Command;

/// Runs openssl with `arguments`, which are divided at blanks, in `dir`.
pub fn openssl(dir: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(dir)
        .output()
        .expect("openssl is installed; Debian package: openssl");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {text}");
}
