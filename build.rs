//! Asks apxs for httpd's flags, compiles the C shim and generates bindings to httpd's headers.
//!
//! Every failure ends the build with one line that names what is missing and the Debian package
//! that has it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Oldest module magic number the shim compiles against: httpd 2.4.0 is 20120211:0, and
/// 20120211:37 (httpd 2.4.10) brought the last function the shim needs.
const OLDEST_MMN: (u32, u32) = (20_120_211, 37);

/// What Rust calls directly; everything that is a macro goes through the shim.
const HTTPD_FUNCTIONS: &str = "ap_set_content_type|\
    ap_get_remote_host|ap_get_server_(name|port)|ap_server_root_relative|ap_state_query|\
    ap_mpm_query|ap_get_status_line|ap_get_server_description|ap_add_(version_component|common_vars|cgi_vars)|ap_map_http_request_error|\
    ap_open_piped_log_ex|ap_piped_log_write_fd|apr_uri_unparse|ap_retained_data_(create|get)|ap_exists_config_define|\
    apr_table_(get|setn|addn|unset|clear|elts)|apr_palloc|apr_pstrmemdup|apr_pool_cleanup_(register|null)|\
    apr_pool_pre_cleanup_register|apr_os_file_get|apr_stat|apr_brigade_cleanup|ap_rwrite";

fn main() {
    for path in ["build.rs", "c-shim/mod_jk_shim.c", "c-shim/mod_jk_shim.h"] {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rerun-if-env-changed=APXS");

    let apxs = Apxs::find();
    let include_dir = PathBuf::from(apxs.query("INCLUDEDIR"));
    check_mmn(&include_dir);
    let flags = apxs.flags(&include_dir);

    let mut shim = cc::Build::new();
    shim.file("c-shim/mod_jk_shim.c").std("gnu99").extra_warnings(true);
    for flag in &flags {
        shim.flag(flag);
    }
    shim.compile("mod_jk_shim");

    // bindgen panics when it cannot load libclang; the panic's text would bury the remedy.
    std::panic::set_hook(Box::new(|_| {}));
    if std::panic::catch_unwind(bindgen::clang_version).is_err() {
        fail("libclang cannot be loaded; Debian package: libclang-dev");
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
            "OK|DECLINED|DONE|ap_conftree|HTTP_.*|AP_.*|APR_.*|MODULE_MAGIC_.*|APLOG_.*|REMOTE_.*",
        )
        .blocklist_var("AP_MODULE_.*_PATH|APR_INT64_MIN|APR_.*_MAX")
        .derive_debug(false)
        .layout_tests(false)
        .generate_comments(false)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .generate();
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    match bindings.map(|bindings| bindings.write_to_file(out.join("httpd.rs"))) {
        Ok(Ok(())) => {}
        Ok(Err(why)) => fail(&format!("the bindings cannot be written: {why}")),
        Err(why) => fail(&format!("httpd's headers cannot be read: {why}")),
    }
}

/// The apxs of one httpd installation.
struct Apxs {
    program: String,
}

impl Apxs {
    fn find() -> Self {
        let candidates = match std::env::var("APXS") {
            Ok(given) => vec![given],
            Err(_) => vec!["apxs".to_owned(), "apxs2".to_owned(), "/usr/sbin/apxs".to_owned()],
        };
        for program in candidates {
            if Command::new(&program).args(["-q", "INCLUDEDIR"]).output().is_ok() {
                return Self { program };
            }
        }
        fail("apxs is missing; Debian package: apache2-dev (or set APXS to its path)")
    }

    fn query(&self, name: &str) -> String {
        match Command::new(&self.program).args(["-q", name]).output() {
            Ok(out) if out.status.success() => {
                String::from_utf8_lossy(&out.stdout).trim().to_owned()
            }
            _ => String::new(),
        }
    }

    /// Preprocessor flags only: httpd's optimisation and warning flags are not ours.
    fn flags(&self, include_dir: &Path) -> Vec<String> {
        let mut flags = vec![format!("-I{}", include_dir.display())];
        for name in ["APR_INCLUDEDIR", "APU_INCLUDEDIR"] {
            let dir = self.query(name);
            if !dir.is_empty() {
                flags.push(format!("-I{dir}"));
            }
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

fn check_mmn(include_dir: &Path) {
    let path = include_dir.join("ap_mmn.h");
    println!("cargo:rerun-if-changed={}", path.display());
    let Ok(text) = std::fs::read_to_string(&path) else {
        fail(&format!(
            "httpd's headers are missing ({} not found); Debian package: apache2-dev",
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
            "httpd is too old: module magic number {}:{}, needed {}:{} (httpd 2.4.10); \
             Debian package: apache2-dev",
            found.0, found.1, OLDEST_MMN.0, OLDEST_MMN.1
        ));
    }
}

/// Ends the build with one readable line; a panic would add a backtrace hint nobody needs.
fn fail(why: &str) -> ! {
    println!("cargo:warning=mod_jk cannot be built: {why}");
    std::process::exit(1)
}
