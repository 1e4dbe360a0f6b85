//! Files of the command line as one configuration.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mod_jk::config::validate::{Checked, Files, check, check_part, check_workers_alone};
use mod_jk::config::{Diagnostic, Origin, Severity};
use mod_jk::status::exposure::{open_status, warning};
use mod_jk::text;
use mod_jk::tool::httpd_conf;
use mod_jk::tool::httpd_conf::{Conf, ConfServer, TargetVersion};
use mod_jk::uri_map::UriMap;
use mod_jk::uri_map::merge::main_rules;

use crate::cli::files::Reading;
use crate::disk::{Disk, reason};

/// A configuration that was read and checked.
pub struct Inputs {
    /// The servers, and what is wrong with httpd.conf itself.
    pub conf: Conf,
    /// Workers, mounts, and everything that is wrong.
    pub checked: Checked,
    /// Whether any file says which workers there are.
    pub has_workers: bool,
    /// The files that were given.
    pub files: Vec<String>,
    /// Where they were read from.
    pub disk: Disk,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    HttpdConf,
    MountFile,
    Workers,
}

/// Reads and checks files, of whatever kind each is.
pub fn read(paths: &[PathBuf], reading: &Reading) -> Result<Inputs, String> {
    let mut sorted: [Vec<String>; 3] = Default::default();
    for path in paths {
        let text =
            std::fs::read(path).map_err(|why| format!("{}: {}", path.display(), reason(&why)))?;
        let kind = content(path, &text::decode(&text));
        sorted[kind as usize].push(text::of_path(path));
    }
    let [confs, mount_files, workers] = sorted;
    if let [first, second, ..] = workers.as_slice() {
        return Err(format!(
            "{first} and {second} are both workers files, and httpd reads one: check them one after the other"
        ));
    }
    let (root, mut disk) = root(paths, reading);
    let paths: Vec<&str> = confs.iter().map(String::as_str).collect();
    let mut conf = httpd_conf::read(&paths, &root, &reading.define, &version(reading)?, &disk);
    disk.root.clone_from(&conf.root);
    let mut problems = std::mem::take(&mut conf.problems);
    if let Some(file) = workers.first() {
        stand_in_for_workers(file, &mut conf.servers, &mut disk);
    }
    for file in &mount_files {
        stand_in_for_mounts(file, &mut conf.servers, &mut disk, confs.is_empty())?;
    }
    let main = &conf.servers[0].settings;
    let has_workers = main.workers_file.is_some() || !main.worker_properties.is_empty();
    let servers: Vec<_> = conf.servers.iter().map(|own| &own.settings).collect();
    let is_alone = confs.is_empty() && mount_files.is_empty();
    let mut checked = match has_workers {
        true if is_alone => check_workers_alone(servers[0], &disk),
        true => check(&servers, None, &disk),
        false => check_part(&servers, &disk),
    };
    problems.append(&mut checked.problems);
    problems.extend(open_doors(&conf, &checked));
    checked.problems = without_repeats(problems);
    let files = confs.into_iter().chain(mount_files).chain(workers).collect();
    Ok(Inputs { conf, checked, has_workers, files, disk })
}

impl Inputs {
    /// Returns the rules of a server.
    pub fn map(&self, place: usize) -> UriMap {
        self.checked.map(place)
    }
}

/// Reads files as httpd.conf alone, whatever module their directives are of.
pub fn read_conf(paths: &[PathBuf], reading: &Reading) -> Result<(Conf, Disk), String> {
    for path in paths {
        std::fs::metadata(path).map_err(|why| format!("{}: {}", path.display(), reason(&why)))?;
    }
    let (root, mut disk) = root(paths, reading);
    let paths: Vec<String> = paths.iter().map(|own| text::of_path(own)).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let conf = httpd_conf::read(&paths, &root, &reading.define, &version(reading)?, &disk);
    disk.root.clone_from(&conf.root);
    Ok((conf, disk))
}

/// Returns ServerRoot as far as the arguments say it, and the files below it.
fn root(paths: &[PathBuf], reading: &Reading) -> (String, Disk) {
    let first = paths.first().map_or(Path::new("."), PathBuf::as_path);
    let root = match &reading.root {
        Some(root) => root.clone(),
        None => first.parent().map(Path::to_path_buf).unwrap_or_default(),
    };
    let root = text::of_path(&std::path::absolute(&root).unwrap_or(root));
    (root.clone(), Disk::beside(first, root))
}

/// Returns the version of the httpd that the files are for.
fn version(reading: &Reading) -> Result<TargetVersion, String> {
    let Some(program) = &reading.httpd else {
        return Ok(reading.httpd_version.clone().unwrap_or_else(TargetVersion::built_for));
    };
    let output = Command::new(program).arg("-v").stdin(Stdio::null()).output();
    let output = output.map_err(|why| format!("{}: {}", program.display(), reason(&why)))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text)
        .filter(|text| text.contains("Apache/"))
        .and_then(|text| TargetVersion::parse(&text))
        .ok_or_else(|| {
            format!("{} -v names no version of httpd: give --httpd-version", program.display())
        })
}

/// Says that httpd does not start with the files, and where to look.
pub fn refusal(checked: &Checked) -> Option<String> {
    let mut errors = checked.problems.iter().filter(|own| own.severity == Severity::Error);
    let first = errors.next()?;
    let more = match errors.count() {
        0 => String::new(),
        count => format!(", and {count} more, which jkctl check shows"),
    };
    Some(format!("httpd rejects these files: {first}{more}"))
}

/// Unprotected status workers.
fn open_doors(conf: &Conf, checked: &Checked) -> Vec<Diagnostic> {
    let is_strict = conf.servers[0].settings.strict == Some(true);
    let mut problems = Vec::new();
    for (place, (server, mounts)) in conf.servers.iter().zip(&checked.mounts).enumerate() {
        let host = (place > 0).then(|| (server.origin.file.to_string(), server.origin.line));
        let rules = main_rules(mounts);
        let open =
            open_status(&conf.tree, host.as_ref(), &server.settings, &rules, &checked.workers);
        problems.extend(open.into_iter().map(|rule| warning(rule, is_strict)));
    }
    problems
}

/// A file that two servers name is read twice and has its mistakes once.
fn without_repeats(mut problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    problems.retain(|own| seen.insert((own.severity as u8, own.to_string())));
    problems
}

fn stand_in_for_workers(file: &str, servers: &mut [ConfServer], disk: &mut Disk) {
    let main = &mut servers[0].settings;
    match &main.workers_file {
        Some((named, _)) => {
            let full = disk.rooted(named);
            disk.stand_ins.insert(full, file.to_owned());
        }
        None => {
            let full = absolute(file);
            main.workers_file = Some((full.clone(), Origin::new(file, 0)));
            disk.stand_ins.insert(full, file.to_owned());
        }
    }
}

fn stand_in_for_mounts(
    file: &str,
    servers: &mut [ConfServer],
    disk: &mut Disk,
    is_alone: bool,
) -> Result<(), String> {
    let name = Path::new(file).file_name();
    let named: Vec<_> = servers.iter().filter_map(|own| own.settings.mount_file.as_ref()).collect();
    let same: Vec<_> = named.iter().filter(|(own, _)| Path::new(own).file_name() == name).collect();
    for (own, _) in &same {
        let full = disk.rooted(own);
        disk.stand_ins.insert(full, file.to_owned());
    }
    if !same.is_empty() {
        return Ok(());
    }
    let main = &mut servers[0].settings;
    if main.mount_file.is_some() || !is_alone {
        return Err(format!(
            "{file}: no JkMountFile of the given files has that name: leave httpd.conf out, or name the file there"
        ));
    }
    let full = absolute(file);
    main.mount_file = Some((full.clone(), Origin::new(file, 0)));
    disk.stand_ins.insert(full, file.to_owned());
    Ok(())
}

fn absolute(file: &str) -> String {
    std::path::absolute(text::path(file))
        .map_or_else(|_| file.to_owned(), |own| text::of_path(&own))
}

/// Tells what a file is by what stands in it, and by its name if that says nothing.
fn content(path: &Path, text: &str) -> Content {
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let left = line.split('=').next().unwrap_or_default().trim();
        let is_pattern = left.trim_start_matches(['-', '!']).starts_with(['/', '*']);
        match line.contains('=') {
            true if left.starts_with("worker.") => return Content::Workers,
            true if is_pattern => return Content::MountFile,
            _ if line.starts_with('<')
                || !left.contains('.') && left.contains(char::is_whitespace) =>
            {
                return Content::HttpdConf;
            }
            _ => {}
        }
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match name.rsplit_once('.') {
        Some((name, "properties")) if name.contains("map") => Content::MountFile,
        Some((_, "properties")) => Content::Workers,
        _ => Content::HttpdConf,
    }
}

/// Returns the httpd.conf of this machine, where the usual packages have it.
pub fn usual_conf() -> Result<PathBuf, String> {
    let found = USUAL.iter().map(Path::new).find(|path| path.exists());
    found.map(Path::to_path_buf).ok_or_else(|| {
        format!("no httpd.conf in the usual places ({}): name it with -f", USUAL.join(", "))
    })
}

const USUAL: &[&str] = &[
    "/etc/apache2/apache2.conf",
    "/etc/httpd/conf/httpd.conf",
    "/usr/local/apache2/conf/httpd.conf",
    "/etc/apache2/httpd.conf",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart() {
        let cases = [
            ("a", "# x\nworker.list=w1\n", Content::Workers),
            ("a", "default.host=h\nworker.list=w1\n", Content::Workers),
            ("a", "/app/*=w1\n", Content::MountFile),
            ("a", "!/app/*.gif = w1\n", Content::MountFile),
            ("a", "-!/x|/*=w1\n", Content::MountFile),
            ("a", "JkMount /a=b w1\n", Content::HttpdConf),
            ("a.properties", "<VirtualHost *:80>\n", Content::HttpdConf),
            ("a", "  JkWorkersFile x\n", Content::HttpdConf),
            ("workers.properties", "", Content::Workers),
            ("uriworkermap.properties", "", Content::MountFile),
            ("jk.conf", "", Content::HttpdConf),
            ("httpd.conf", "ServerRoot /etc\n", Content::HttpdConf),
        ];
        for (name, text, expected) in cases {
            assert_eq!(content(Path::new(name), text), expected, "{name}: {text}");
        }
    }
}
