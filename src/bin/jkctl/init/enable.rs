//! Makes httpd read what `jkctl init` has written.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::init::files::{backup_of, failed, replace};
use crate::init::rollback::Rollback;

/// How httpd gets to read the file.
#[derive(Debug)]
pub enum Enabling {
    /// By a link in a directory of files that it includes.
    Link(PathBuf),
    /// In place of the settings that the package came with, which are as they came.
    Replace(PathBuf),
}

/// Finds out how, and whether it is possible, in httpd's configuration directory.
///
/// # Errors
///
/// What is in the way, and what to do.
pub fn plan(dir: &Path) -> Result<Enabling, String> {
    let conf = dir.join("mods-enabled/jk.conf");
    if let Ok(conf) = conf.canonicalize() {
        let text = fs::read(&conf).map_err(|why| failed(&conf, &why))?;
        if fs::read(PACKAGED).ok().as_ref() != Some(&text) {
            return Err(format!(
                "{} has settings of this site, and JkWorkersFile is allowed once: nothing was written; add the workers to the file that it names, or disable it with a2dismod jk",
                conf.display()
            ));
        }
        absent(&backup_of(&conf))?;
        return Ok(Enabling::Replace(conf));
    }
    let included = ["conf-enabled", "conf.d"].map(|name| dir.join(name));
    let Some(included) = included.iter().find(|own| own.is_dir()) else {
        return Err(format!(
            "{} has no conf-enabled and no conf.d: nothing was written; give the directory of httpd's configuration with --enable=DIR, or include jk.conf by hand",
            dir.display()
        ));
    };
    let link = included.join("jk-init.conf");
    absent(&link)?;
    Ok(Enabling::Link(link))
}

/// Returns the directory of httpd's configuration on this machine.
pub fn default_dir() -> PathBuf {
    let found = DIRS.iter().map(Path::new).find(|dir| dir.is_dir());
    found.unwrap_or(Path::new(DIRS[0])).to_owned()
}

impl Enabling {
    /// Returns the file that httpd reads.
    pub fn path(&self) -> &Path {
        match self {
            Self::Link(path) | Self::Replace(path) => path,
        }
    }

    /// Does it, and has httpd read its whole configuration. Returns whether httpd could be found.
    ///
    /// # Errors
    ///
    /// What failed; httpd's own words if it refuses the configuration.
    pub fn enable(&self, conf: &Path, text: &str, rollback: &mut Rollback) -> Result<bool, String> {
        match self {
            Self::Replace(path) => replace(path, text, rollback)?,
            Self::Link(path) => {
                symlink(conf, path).map_err(|why| failed(path, &why))?;
                let own = path.clone();
                rollback.push(move || drop(fs::remove_file(own)));
            }
        }
        configtest()
    }
}

fn absent(path: &Path) -> Result<(), String> {
    match path.symlink_metadata() {
        Ok(_) => Err(format!("{} exists and was not changed: move it away", path.display())),
        Err(_) => Ok(()),
    }
}

fn configtest() -> Result<bool, String> {
    let program = std::env::var_os("APACHECTL").unwrap_or_else(|| "apachectl".into());
    match Command::new(&program).arg("-t").output() {
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(false),
        Err(why) => Err(failed(Path::new(&program), &why)),
        Ok(output) if output.status.success() => Ok(true),
        Ok(output) => Err(format!(
            "{} -t refused the configuration: {}",
            Path::new(&program).display(),
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

/// What the Debian package installs first.
const PACKAGED: &str = "/usr/share/libapache2-mod-jk/jk.conf";

const DIRS: [&str; 2] = ["/etc/apache2", "/etc/httpd"];
