//! What is left to do after `jkctl init`.

use std::path::{Path, PathBuf};

use crate::cli::files::Init;

/// What has been done.
#[derive(Debug)]
pub struct Done<'a> {
    /// Each server.xml that has its connector.
    pub servers: Vec<&'a Path>,
    /// Whether httpd reads the files.
    pub is_enabled: bool,
    /// Whether httpd has accepted its configuration with them.
    pub is_tested: bool,
    /// Whether all Tomcats serve already.
    pub do_serve: bool,
}

/// Prints it, with the URL that will work; `paths` are those of the files.
pub fn print(args: &Init, paths: &[PathBuf], done: &Done<'_>) {
    say!("\nNext:");
    let [workers, mounts, conf, connector] =
        [0, 1, 2, 3].map(|index: usize| paths[index].display());
    let mut steps = Vec::new();
    match done.servers.as_slice() {
        _ if done.do_serve => {}
        [] => steps.push(format!(
            "put the lines of {connector} into the server.xml of each Tomcat, and restart it"
        )),
        servers => {
            let restarts = servers.iter().map(|path| match service_of(path) {
                Some(service) => format!("systemctl restart {service}"),
                None => format!("restart the Tomcat of {}", path.display()),
            });
            steps.extend(restarts);
        }
    }
    if !done.do_serve {
        steps.push(format!("jkctl ping -f {workers}"));
    }
    let is_there = |dir: &&&str| Path::new(dir).is_dir();
    match ENABLED.iter().find(is_there) {
        _ if done.is_enabled && done.is_tested => {}
        _ if done.is_enabled => steps.push("apachectl -t".to_owned()),
        Some(dir) => steps.push(format!("ln -s {conf} {dir}/jk-init.conf && apachectl -t")),
        None => {
            steps.push(format!("put the line  Include {conf}  into httpd.conf, then apachectl -t"));
        }
    }
    steps.push("apachectl graceful".to_owned());
    let path = args.mounts.first().map_or("/", String::as_str).trim_end_matches('/');
    steps.push(format!("curl -i http://localhost{path}/"));
    for (step, number) in steps.iter().zip(1..) {
        say!("  {number}. {step}");
    }
    say!("{mounts} says which URIs go to Tomcat; http://localhost/jk-status shows its state.");
}

/// Returns the service of a distribution's Tomcat, whose files are in a directory of its name.
fn service_of(server_xml: &Path) -> Option<&str> {
    let dir = server_xml.parent()?;
    let name = dir.file_name()?.to_str()?;
    (dir.parent() == Some(Path::new("/etc")) && name.starts_with("tomcat")).then_some(name)
}

/// Directories whose files httpd includes in the main server.
const ENABLED: [&str; 2] = ["/etc/apache2/conf-enabled", "/etc/httpd/conf.d"];
