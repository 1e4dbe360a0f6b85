//! Asks apxs for httpd's flags, compiles the C shim and generates bindings to httpd's headers.
//!
//! Every failure ends the build with one line that names the cause and, where something is missing,
//! the packages that have it on Debian and on RHEL. tests/building.rs runs this program with tools
//! that fail.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use directives::{Arity, DIRECTIVES, DirectiveRow, Place};

/// Oldest module magic number the shim compiles against: `conn_rec.master` came with 20120211:52,
/// and httpd 2.4.18 is the first release that has it. `httpd/version.rs` asks the running httpd.
const OLDEST_MMN: (u32, u32) = (20_120_211, 52);

/// Packages by what they have.
const HTTPD_PACKAGES: &str = "install apache2-dev (Debian, Ubuntu) or httpd-devel (RHEL, Fedora)";
const APR_PACKAGES: &str = "install libapr1-dev (Debian, Ubuntu) or apr-devel (RHEL, Fedora)";
const APR_UTIL_PACKAGES: &str =
    "install libaprutil1-dev (Debian, Ubuntu) or apr-util-devel (RHEL, Fedora)";
const PERL_PACKAGES: &str = "install perl (Debian, Ubuntu) or perl-interpreter (RHEL, Fedora)";
const CC_PACKAGES: &str =
    "install gcc and libc6-dev (Debian, Ubuntu) or gcc and glibc-devel (RHEL, Fedora)";
const CLANG_PACKAGES: &str = "install libclang-dev (Debian, Ubuntu) or clang-devel (RHEL, Fedora)";

/// What Rust calls directly; everything that is a macro goes through the shim.
const HTTPD_FUNCTIONS: &str = "ap_set_content_type|\
    ap_get_remote_host|ap_get_server_(name|port)|ap_server_root_relative|ap_state_query|\
    ap_mpm_query|ap_get_status_line|ap_get_limit_req_body|ap_run_process_connection|ap_get_server_(description|revision)|ap_add_(version_component|common_vars|cgi_vars)|\
    ap_open_piped_log_ex|ap_piped_log_write_fd|apr_uri_unparse|ap_retained_data_(create|get)|ap_exists_config_define|\
    apr_table_(get|setn|addn|unset|clear|elts|copy)|ap_make_method_list|ap_method_list_add|apr_palloc|apr_pstrmemdup|apr_pool_cleanup_(register|null)|\
    apr_pool_pre_cleanup_register|apr_tokenize_to_argv|apr_os_file_get|apr_stat|apr_brigade_cleanup|ap_rwrite";

#[allow(dead_code)]
#[path = "src/config/rows/directives.rs"]
mod directives;

fn main() {
    for path in ["build.rs", "c-shim", "src/config/rows/directives.rs"] {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rerun-if-env-changed=APXS");
    // tests/building.rs runs this program on machines where something is missing.
    let own = std::env::current_exe().expect("a running program has a path");
    println!("cargo:rustc-env=MOD_JK_BUILD_SCRIPT={}", own.display());
    for (name, own) in [("TARGET", "MOD_JK_BUILD_TARGET"), ("RUSTC", "MOD_JK_BUILD_RUSTC")] {
        println!("cargo:rustc-env={own}={}", std::env::var(name).unwrap_or_default());
    }

    let apxs = Apxs::find();
    let include_dir = PathBuf::from(&apxs.include_dir);
    check_mmn(&include_dir);
    println!("cargo:rustc-env=MOD_JK_HTTPD_VERSION={}", httpd_version(&include_dir));
    let flags = apxs.flags();

    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    if let Err(why) = std::fs::write(out.join("jk_directives.h"), command_rows()) {
        fail(&format!("{} cannot be written: {why}", out.display()));
    }
    let mut shim = cc::Build::new();
    shim.files(["c-shim/mod_jk_shim.c", "c-shim/broken_off.c", "c-shim/parking.c"])
        .std("gnu99")
        .extra_warnings(true);
    shim.include(&out);
    for flag in &flags {
        shim.flag(flag);
    }
    if let Err(why) = shim.try_compile("mod_jk_shim") {
        let why = why.to_string();
        match why.contains("ToolNotFound") {
            true => fail(&format!("the C compiler is missing ({}); {CC_PACKAGES}", one_line(&why))),
            false => fail(&format!(
                "the C compiler fails on c-shim/mod_jk_shim.c, see its messages; where a header of \
                 the system is missing, {CC_PACKAGES}: {}",
                one_line(&why)
            )),
        }
    }

    // bindgen panics when it cannot load libclang; the panic's own text would bury the remedy.
    std::panic::set_hook(Box::new(|_| {}));
    if let Err(panic) = std::panic::catch_unwind(bindgen::clang_version) {
        let why = panic.downcast_ref::<String>().map(String::as_str);
        let why = why.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        let place = std::env::var("LIBCLANG_PATH");
        let place = place.map_or(String::new(), |place| format!(" by LIBCLANG_PATH={place}"));
        fail(&format!(
            "libclang cannot be loaded{place}; {CLANG_PACKAGES}; cause: {}",
            one_line(why)
        ));
    }
    drop(std::panic::take_hook());
    let bindings = bindgen::Builder::default()
        .header("c-shim/mod_jk_shim.h")
        .clang_args(&flags)
        .allowlist_file(".*mod_jk_shim\\.h")
        .allowlist_type(
            "module|ap_directive_t|request_rec|server_rec|conn_rec|process_rec|apr_.*_t",
        )
        .allowlist_function(HTTPD_FUNCTIONS)
        .allowlist_var(
            "OK|DECLINED|DONE|SUSPENDED|ap_conftree|HTTP_.*|AP_.*|APR_.*|MODULE_MAGIC_.*|APLOG_.*|REMOTE_.*",
        )
        .blocklist_var("AP_MODULE_.*_PATH|APR_INT64_MIN|APR_.*_MAX")
        .derive_debug(false)
        .layout_tests(false)
        .generate_comments(false)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .generate();
    match bindings.map(|bindings| bindings.write_to_file(out.join("httpd.rs"))) {
        Ok(Ok(())) => {}
        Ok(Err(why)) => fail(&format!("the bindings cannot be written: {why}")),
        Err(why) => {
            let why = why.to_string();
            // These come with the compiler, and libclang looks for them beside itself.
            let is_own = ["stddef.h", "stdarg.h", "stdbool.h", "limits.h"]
                .iter()
                .any(|name| why.contains(&format!("'{name}' file not found")));
            match is_own {
                true => fail(&format!(
                    "libclang has not its own headers; {CLANG_PACKAGES}; cause: {}",
                    one_line(&why)
                )),
                false => fail(&format!("httpd's headers cannot be read: {}", one_line(&why))),
            }
        }
    }
}

/// The apxs of one httpd installation.
struct Apxs {
    program: String,
    include_dir: String,
}

impl Apxs {
    /// Takes the one that `APXS` names, else the first that answers.
    fn find() -> Self {
        let given = std::env::var("APXS").ok();
        let candidates = match &given {
            Some(given) => vec![given.as_str()],
            None => vec!["apxs", "apxs2", "/usr/sbin/apxs"],
        };
        let mut first_failure = None;
        for program in candidates {
            match ask(program, "INCLUDEDIR") {
                Ok(include_dir) if !include_dir.is_empty() => {
                    return Self { program: program.to_owned(), include_dir };
                }
                Ok(_) => {
                    let why =
                        format!("{program} -q INCLUDEDIR says nothing: it is no apxs of httpd");
                    first_failure.get_or_insert(why);
                }
                Err(Unasked::Missing) if given.is_some() => {
                    first_failure.get_or_insert(format!(
                        "APXS={program}: No such file; set APXS to the apxs of your httpd, or {HTTPD_PACKAGES}"
                    ));
                }
                Err(Unasked::Missing) => {}
                Err(Unasked::Fails(why)) => {
                    first_failure.get_or_insert(why);
                }
            }
        }
        fail(&first_failure.unwrap_or_else(|| {
            format!("apxs is missing; {HTTPD_PACKAGES}, or set APXS to its path")
        }))
    }

    fn query(&self, name: &str) -> String {
        // Not every apxs knows every name.
        ask(&self.program, name).unwrap_or_default()
    }

    /// Preprocessor flags only: httpd's optimisation and warning flags are not ours.
    fn flags(&self) -> Vec<String> {
        let mut flags = vec![format!("-I{}", self.include_dir)];
        let headers = [
            ("APR_INCLUDEDIR", "apr.h", APR_PACKAGES),
            ("APU_INCLUDEDIR", "apu.h", APR_UTIL_PACKAGES),
        ];
        for (name, header, packages) in headers {
            let dir = match self.query(name) {
                // They may lie among httpd's.
                dir if dir.is_empty() => self.include_dir.clone(),
                dir => dir,
            };
            let path = Path::new(&dir).join(header);
            if !path.exists() {
                fail(&format!(
                    "the headers of APR are missing ({} not found); {packages}",
                    path.display()
                ));
            }
            flags.push(format!("-I{dir}"));
        }
        for name in ["EXTRA_CPPFLAGS", "EXTRA_INCLUDES"] {
            flags.extend(
                self.query(name)
                    .split_whitespace()
                    .filter(|flag| flag.starts_with("-D") || flag.starts_with("-I/"))
                    .map(str::to_owned),
            );
        }
        flags
    }
}

/// Why apxs has not answered.
enum Unasked {
    /// There is no such program.
    Missing,
    /// It is there: what is wrong.
    Fails(String),
}

fn ask(program: &str, name: &str) -> Result<String, Unasked> {
    match Command::new(program).args(["-q", name]).output() {
        Ok(out) if out.status.success() => {
            Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
        }
        Ok(out) => {
            let said = [out.stderr, out.stdout].concat();
            let said = one_line(&String::from_utf8_lossy(&said));
            Err(Unasked::Fails(format!("{program} -q {name} fails ({}): {said}", out.status)))
        }
        // The system says the same of a script whose interpreter is missing.
        Err(why) if why.kind() == ErrorKind::NotFound => match interpreter(program) {
            Some(missing) => Err(Unasked::Fails(format!(
                "{program} cannot run, as its interpreter {missing} is missing; {PERL_PACKAGES}"
            ))),
            None => Err(Unasked::Missing),
        },
        Err(why) => Err(Unasked::Fails(format!("{program} cannot run: {why}"))),
    }
}

/// Returns the interpreter that a script names in its first line.
fn interpreter(program: &str) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = match program.contains('/') {
        true => vec![PathBuf::from(program)],
        false => std::env::split_paths(&path).map(|dir| dir.join(program)).collect(),
    };
    places.retain(|place| place.is_file());
    let script = std::fs::read(places.first()?).ok()?;
    let line = script.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    line.split_whitespace().next().map(str::to_owned)
}

/// The rows of httpd's command table, in the macros of the shim.
fn command_rows() -> String {
    let row = |row: &DirectiveRow| {
        let arity = match row.arity {
            Arity::One => "ONE",
            Arity::OneOrTwo => "ONE_OR_TWO",
            Arity::Raw => "RAW",
        };
        let place = match row.place {
            Place::Global | Place::Server => "RSRC_CONF",
            Place::Section => "RSRC_CONF | ACCESS_CONF",
        };
        let doc = row.doc.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{arity}(\"{}\", {place}, \"{doc}\"),\n", row.name)
    };
    DIRECTIVES.iter().map(row).collect()
}

fn check_mmn(include_dir: &Path) {
    let path = include_dir.join("ap_mmn.h");
    println!("cargo:rerun-if-changed={}", path.display());
    let Ok(text) = std::fs::read_to_string(&path) else {
        fail(&format!(
            "httpd's headers are missing ({} not found); {HTTPD_PACKAGES}",
            path.display()
        ));
    };
    let number = |name: &str| {
        text.lines()
            .filter_map(|line| line.strip_prefix("#define "))
            .filter_map(|line| line.trim().strip_prefix(name))
            .find_map(|rest| rest.split_whitespace().next()?.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let found = (number("MODULE_MAGIC_NUMBER_MAJOR"), number("MODULE_MAGIC_NUMBER_MINOR"));
    if found < OLDEST_MMN {
        fail(&format!(
            "httpd is too old: its module magic number is {}:{}, needed is {}:{}, that is httpd 2.4.18 \
             or later",
            found.0, found.1, OLDEST_MMN.0, OLDEST_MMN.1
        ));
    }
}

/// The version of this httpd, for what the operator's tool says of `<IfVersion>`.
fn httpd_version(include_dir: &Path) -> String {
    let path = include_dir.join("ap_release.h");
    println!("cargo:rerun-if-changed={}", path.display());
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let number = |name: &str| {
        let mut rows = text
            .lines()
            .filter_map(|line| line.strip_prefix("#define ")?.trim().strip_prefix(name));
        rows.find_map(|rest| rest.trim().parse::<u32>().ok())
    };
    let part = |name: &str| number(&format!("AP_SERVER_{name}"));
    let parts = ["MAJORVERSION_NUMBER", "MINORVERSION_NUMBER", "PATCHLEVEL_NUMBER"].map(part);
    // Without that header httpd's others cannot be read, which is said where they are.
    let [major, minor, patch] = parts.map(Option::unwrap_or_default);
    let more = if part("DEVBUILD_BOOLEAN").unwrap_or(0) > 0 { "-dev" } else { "" };
    format!("{major}.{minor}.{patch}{more}")
}

/// What is printed for cargo ends with the line.
fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

/// Ends the build with one readable line; a panic would bury it below a backtrace.
fn fail(why: &str) -> ! {
    println!("cargo:warning=mod_jk cannot be built: {why}");
    std::process::exit(1)
}
