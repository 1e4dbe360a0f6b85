//! The httpd installation under test: its program, its modules, its user and its apxs.
//!
//! Debian's, RHEL's and a source build's places are found by themselves. `MOD_JK_TEST_HTTPD` (the
//! program), `MOD_JK_TEST_MODULES` (the directory of its modules), `MOD_JK_TEST_USER` and `APXS`
//! name another one; `make test-httpd PREFIX=DIR` sets all of them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Returns the httpd program.
pub fn program() -> PathBuf {
    let names = ["/usr/sbin/apache2", "/usr/sbin/httpd", "/usr/local/apache2/bin/httpd"];
    given("MOD_JK_TEST_HTTPD")
        .or_else(|| first(&names))
        .expect("httpd is missing; Debian package: apache2-bin, RHEL: httpd")
}

/// Returns where httpd's modules are.
pub fn modules_dir() -> PathBuf {
    let names =
        ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/local/apache2/modules"];
    given("MOD_JK_TEST_MODULES")
        .or_else(|| first(&names))
        .expect("httpd's modules are missing; Debian package: apache2-bin, RHEL: httpd")
}

/// Returns the apxs that builds modules for this httpd, as build.rs finds it.
pub fn apxs() -> OsString {
    let names = ["/usr/bin/apxs", "/usr/bin/apxs2", "/usr/sbin/apxs"];
    std::env::var_os("APXS").or_else(|| first(&names).map(OsString::from)).unwrap_or("apxs".into())
}

/// Returns the user httpd's children run as where the tests run as root: the distribution's.
pub fn user() -> String {
    static USER: LazyLock<String> = LazyLock::new(|| {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let is_known =
            |name: &&&str| users.lines().any(|line| line.split(':').next() == Some(name));
        let usual =
            || ["www-data", "apache", "daemon"].iter().find(is_known).map(ToString::to_string);
        let given = std::env::var("MOD_JK_TEST_USER").ok();
        given.or_else(usual).expect("no user www-data, apache or daemon; set MOD_JK_TEST_USER")
    });
    USER.clone()
}

/// Returns the lines that make children run as [`user`]; none where the tests do not run as root.
pub fn user_lines() -> String {
    let user = user();
    // Its group has the same name in all distributions, and the same number in any case.
    let group = Command::new("id").args(["-g", &user]).output();
    let group = group.ok().filter(|output| output.status.success());
    let group = group.map(|output| format!("#{}", String::from_utf8_lossy(&output.stdout).trim()));
    match is_root() {
        true => format!("User {user}\nGroup {}\n", group.as_deref().unwrap_or(&user)),
        false => String::new(),
    }
}

/// Returns the lines that load modules of httpd's own, but for those that are linked into it.
pub fn load(names: &[&str]) -> String {
    let line = |name: &&str| match is_linked(name) {
        true => String::new(),
        false => format!(
            "LoadModule {name}_module \"{}\"\n",
            modules_dir().join(format!("mod_{name}.so")).display()
        ),
    };
    names.iter().map(line).collect()
}

/// Returns the lines that load what Debian links into httpd and others do not.
pub fn load_basics() -> String {
    load(&["unixd", "log_config", "version"])
}

/// Tells whether this httpd has a module, linked into it or as a file.
pub fn has_module(name: &str) -> bool {
    is_linked(name) || modules_dir().join(format!("mod_{name}.so")).exists()
}

/// Returns httpd's version, 2.4.18 as `(2, 4, 18)`.
pub fn version() -> (u32, u32, u32) {
    static VERSION: LazyLock<(u32, u32, u32)> = LazyLock::new(|| {
        let output = Command::new(program()).arg("-v").output().expect("httpd can be started");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let number =
            text.split_once("Apache/").map(|(_, rest)| rest).expect("it names its version");
        let mut parts = number
            .split(|c: char| c == '.' || c.is_whitespace())
            .map_while(|part| part.parse::<u32>().ok());
        let mut next = || parts.next().expect("three numbers");
        (next(), next(), next())
    });
    *VERSION
}

/// Tells whether the tests run as root.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// Tells whether a module is linked into the program. The file of an MPM begins with `mod_`, the
/// module in the list does not.
fn is_linked(name: &str) -> bool {
    static LIST: LazyLock<String> = LazyLock::new(|| {
        let output = Command::new(program()).arg("-l").output().expect("httpd can be started");
        String::from_utf8_lossy(&output.stdout).into_owned()
    });
    let file = match name.strip_prefix("mpm_") {
        Some(mpm) => format!("{mpm}.c"),
        None => format!("mod_{name}.c"),
    };
    LIST.lines().any(|line| line.trim() == file)
}

fn given(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn first(names: &[&str]) -> Option<PathBuf> {
    names.iter().map(Path::new).find(|path| path.exists()).map(Path::to_owned)
}
