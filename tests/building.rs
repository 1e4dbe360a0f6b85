//! What the build says on a machine where something is missing: the cause, and the packages that have
//! what is missing on Debian and on RHEL. The compiled build script runs with tools made for it.

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

/// A machine for one build.
struct Machine {
    dir: PathBuf,
    variables: Vec<(&'static str, String)>,
}

impl Machine {
    fn new(name: &str) -> Self {
        let dir = support::fresh_dir(&format!("building-{name}"));
        let variables = vec![
            ("OUT_DIR", dir.display().to_string()),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("RUSTC", env!("MOD_JK_BUILD_RUSTC").to_owned()),
            ("TARGET", env!("MOD_JK_BUILD_TARGET").to_owned()),
            ("HOST", env!("MOD_JK_BUILD_TARGET").to_owned()),
            ("OPT_LEVEL", "0".to_owned()),
            ("DEBUG", "false".to_owned()),
            ("CARGO_CFG_TARGET_ARCH", std::env::consts::ARCH.to_owned()),
            ("CARGO_CFG_TARGET_OS", "linux".to_owned()),
        ];
        let machine = Self { dir, variables };
        // Where the tests run, apxs is what it was for the build of the tests.
        let apxs = std::env::var("APXS").ok();
        apxs.into_iter().fold(machine, |machine, apxs| machine.with("APXS", apxs))
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Makes an apxs of some lines of shell.
    fn with_apxs(self, script: &str) -> Self {
        let path = self.program("apxs", &format!("#!/bin/sh\n{script}\n"));
        self.with("APXS", path)
    }

    fn program(&self, name: &str, text: &str) -> String {
        let path = self.dir.join(name);
        fs::write(&path, text).expect("a fresh directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own file");
        path.display().to_string()
    }

    /// Makes httpd's headers, with the version as `ap_mmn.h` says it.
    fn with_headers(self, minor: u32) -> Self {
        let text = format!(
            "#define MODULE_MAGIC_NUMBER_MAJOR 20120211\n#define MODULE_MAGIC_NUMBER_MINOR {minor}\n"
        );
        fs::write(self.dir.join("ap_mmn.h"), text).expect("a fresh directory");
        let dir = self.dir.display().to_string();
        self.with_apxs(&format!("case $2 in INCLUDEDIR) echo {dir};; esac"))
    }

    /// Runs the build, which must fail, and returns what it says.
    fn refusal(&self) -> String {
        let output = Command::new(env!("MOD_JK_BUILD_SCRIPT"))
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(support::root())
            .output()
            .expect("the build script runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(
            output.status.code(),
            Some(1),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let own = said
            .lines()
            .filter_map(|line| line.strip_prefix("cargo:warning=mod_jk cannot be built: "));
        let own: Vec<_> = own.collect();
        assert_eq!(own.len(), 1, "one cause: {said}");
        own[0].to_owned()
    }

    fn refuses(&self, parts: &[&str]) {
        let said = self.refusal();
        for part in parts {
            assert!(said.contains(part), "\"{part}\" is missing in: {said}");
        }
    }
}

#[test]
fn an_apxs_that_is_missing() {
    Machine::new("none").with("PATH", "/nowhere").refuses(&[
        "apxs",
        "apache2-dev",
        "httpd-devel",
        "APXS",
    ]);
    Machine::new("wrong").with("APXS", "/nowhere/bin/apxs").refuses(&[
        "APXS=/nowhere/bin/apxs",
        "No such file",
        "apache2-dev",
        "httpd-devel",
    ]);
}

#[test]
fn an_apxs_without_its_interpreter() {
    let machine = Machine::new("interpreter");
    let path = machine.program("apxs", "#!/nowhere/perl -w\n");
    machine.with("APXS", path).refuses(&["/nowhere/perl", "interpreter", "perl"]);
}

#[test]
fn an_apxs_that_fails_is_quoted() {
    Machine::new("exits")
        .with_apxs("echo 'apxs:Error: /etc/config_vars.mk not found' >&2; exit 1")
        .refuses(&["-q INCLUDEDIR", "exit status: 1", "config_vars.mk not found"]);
    Machine::new("empty").with_apxs("exit 0").refuses(&["INCLUDEDIR", "says nothing"]);
}

#[test]
fn headers_that_are_missing() {
    Machine::new("headers").with_apxs("case $2 in INCLUDEDIR) echo /nowhere;; esac").refuses(&[
        "/nowhere/ap_mmn.h",
        "apache2-dev",
        "httpd-devel",
    ]);
    Machine::new("apr").with_headers(52).refuses(&["apr.h", "libapr1-dev", "apr-devel"]);
}

#[test]
fn an_httpd_before_2_4_18_is_named_as_too_old() {
    Machine::new("old").with_headers(51).refuses(&["20120211:51", "20120211:52", "httpd 2.4.18"]);
}

#[test]
fn a_compiler_that_is_missing() {
    Machine::new("cc").with("CC", "/nowhere/cc").refuses(&["/nowhere/cc", "gcc", "C compiler"]);
}

#[test]
fn a_libclang_that_is_missing() {
    let machine = Machine::new("libclang");
    let dir = machine.dir.display().to_string();
    machine.with("LIBCLANG_PATH", format!("{dir}/none.so")).refuses(&[
        "libclang",
        "libclang-dev",
        "clang-devel",
        "none.so",
    ]);
}

#[test]
fn a_libclang_without_its_own_headers() {
    // They lie beside it and have a package of their own; the option makes it look past them.
    Machine::new("stddef").with("BINDGEN_EXTRA_CLANG_ARGS", "-nobuiltininc").refuses(&[
        "stddef.h",
        "libclang-dev",
        "clang-devel",
        "own headers",
    ]);
}
