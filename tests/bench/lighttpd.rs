//! lighttpd with its mod_ajp13: one process that serves all connections from one thread.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{installation, root};

/// Writes its configuration and returns the command that runs it in the foreground.
pub fn prepare(dir: &Path, port: u16, ajp: u16) -> Vec<String> {
    let (program, modules) = installed();
    let user = match installation::is_root() {
        true => {
            format!("server.username = \"{0}\"\nserver.groupname = \"{0}\"\n", installation::user())
        }
        false => String::new(),
    };
    let text = format!(
        "server.modules = (\"mod_ajp13\")\nserver.document-root = \"{dir}\"\n\
         server.bind = \"127.0.0.1\"\nserver.port = {port}\nserver.errorlog = \"{dir}/error.log\"\n\
         server.upload-dirs = (\"{dir}\")\n{user}\
         server.max-keep-alive-requests = 65535\nserver.max-keep-alive-idle = 60\n\
         server.stream-response-body = 1\n\
         ajp13.server = (\"/x\" => ((\"host\" => \"127.0.0.1\", \"port\" => {ajp})))\n",
        dir = dir.display()
    );
    let file = dir.join("lighttpd.conf");
    fs::write(&file, text).expect("a file");
    let word = |path: PathBuf| path.display().to_string();
    vec![word(program), "-D".into(), "-f".into(), word(file), "-m".into(), word(modules)]
}

/// Returns the program and the directory of its modules: the machine's own, or what `.ci/install` has
/// unpacked, which installs no service.
fn installed() -> (PathBuf, PathBuf) {
    let unpacked = root().join("target/lighttpd");
    let found = [Path::new("/"), &unpacked].into_iter().find_map(|base| {
        let (program, modules) = (base.join("usr/sbin/lighttpd"), base.join("usr/lib/lighttpd"));
        (program.exists() && modules.join("mod_ajp13.so").exists()).then_some((program, modules))
    });
    found.expect("lighttpd is missing: run .ci/install bench")
}
