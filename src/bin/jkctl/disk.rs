//! Files of this machine, as the checks want them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use mod_jk::config::validate::Files;
use mod_jk::text;
use mod_jk::tool::httpd_conf::ConfFiles;
use mod_jk::uri_map::pattern::matches;

/// The disk, with some files standing in for others.
#[derive(Debug, Default)]
pub struct Disk {
    /// `ServerRoot`.
    pub root: String,
    /// Files of the command line, by the path the configuration gives them.
    pub stand_ins: BTreeMap<String, String>,
    /// What httpd's start script sets, such as APACHE_LOG_DIR.
    pub variables: BTreeMap<String, String>,
}

impl Disk {
    /// Makes one for the configuration file at `path`: beside it Debian keeps `envvars`.
    pub fn beside(path: &Path, root: String) -> Self {
        let mut disk = Self { root, ..Self::default() };
        let dir = path.parent().unwrap_or(Path::new("."));
        let Ok(bytes) = fs::read(dir.join("envvars")) else { return disk };
        for line in text::decode(&bytes).lines() {
            let Some((name, value)) =
                line.trim().strip_prefix("export ").and_then(|rest| rest.split_once('='))
            else {
                continue;
            };
            // SUFFIX is empty but for a second instance on the same machine.
            let value = value.trim_matches(['"', '\'']).replace("$SUFFIX", "");
            disk.variables.insert(name.to_owned(), value);
        }
        disk
    }
}

impl Files for Disk {
    fn rooted(&self, path: &str) -> String {
        let full = match path.starts_with('/') {
            true => path.to_owned(),
            false => text::of_path(&text::path(&self.root).join(text::path(path))),
        };
        self.stand_ins.get(&full).cloned().unwrap_or(full)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        fs::read(text::path(path)).map_err(|why| match why.kind() {
            std::io::ErrorKind::NotFound => {
                format!("{}, create the file or correct the path", reason(&why))
            }
            _ => reason(&why),
        })
    }

    fn variable(&self, name: &str) -> Option<String> {
        text::variable(name).or_else(|| self.variables.get(name).cloned())
    }
}

impl ConfFiles for Disk {
    fn matching(&self, pattern: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut parts = pattern.trim_start_matches('/').split('/').filter(|part| !part.is_empty());
        let start = if pattern.starts_with('/') { "/" } else { "." };
        collect(Path::new(start), &mut parts, &mut found);
        found
    }
}

/// Follows a path with wildcards part by part; a directory at its end means all files below.
fn collect<'p>(
    dir: &Path,
    parts: &mut (impl Iterator<Item = &'p str> + Clone),
    found: &mut Vec<String>,
) {
    let Some(part) = parts.next() else {
        if dir.is_dir() {
            for name in names(dir) {
                collect(&dir.join(text::path(&name)), parts, found);
            }
        } else if dir.exists() {
            found.push(text::of_path(dir));
        }
        return;
    };
    if !part.contains(['*', '?']) {
        return collect(&dir.join(text::path(part)), parts, found);
    }
    for name in names(dir) {
        // As with a shell, a star is not for hidden files.
        if matches(&text::raw(part), &text::raw(&name))
            && name.starts_with('.') == part.starts_with('.')
        {
            collect(&dir.join(text::path(&name)), &mut parts.clone(), found);
        }
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| text::owned(entry.file_name().as_bytes())).collect();
    names.sort();
    names
}

/// Says why a file cannot be used, with the remedy where there is a usual one.
pub fn reason(why: &std::io::Error) -> String {
    match why.kind() {
        std::io::ErrorKind::PermissionDenied => {
            "you may not read it: run this as a user who may, such as root".to_owned()
        }
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => why.to_string(),
    }
}

/// Returns the first line of a file or of the standard input, for passwords and secrets.
pub fn first_line(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().read_to_end(&mut bytes),
        false => fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.map_err(|why| format!("{}: {}", path.display(), reason(&why)))?;
    let text = text::owned(&bytes);
    let line = text.lines().next().unwrap_or_default().trim_end_matches('\r');
    match line.is_empty() {
        true => Err(format!("{}: the first line is empty", path.display())),
        false => Ok(line.to_owned()),
    }
}
