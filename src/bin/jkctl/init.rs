//! `jkctl init`: files to start from, and on request the changes that switch them on.

mod enable;
mod files;
mod rollback;
mod steps;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mod_jk::clock;
use mod_jk::tool::init::{InitRequest, NewFile, Tomcat, files as new_files, tomcat_sides};
use mod_jk::tool::server_xml::with_connector;
use serde_json::json;

use crate::cli::files::{Init, PingArgs, Reading};
use crate::init::enable::Enabling;
use crate::init::files::{backup_of, create, failed, make_dir, replace};
use crate::init::rollback::Rollback;
use crate::init::steps::Done;
use crate::output::Printer;
use crate::{CommandResult, WELL, disk, effects, ping};

/// Writes the files and says what comes next.
pub fn run(args: &Init, output: Printer) -> CommandResult {
    let (wanted, dir) = wanted(args)?;
    let files = new_files(&wanted)?;
    // All or nothing: half a configuration is of no use.
    let paths: Vec<_> = files.iter().map(|file| dir.join(file.name)).collect();
    if let Some(path) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(format!(
            "{} exists and was not changed: move it away, or choose another --dir",
            path.display()
        ));
    }
    let servers = changed_servers(args, &wanted)?;
    let enabling = match &args.enable {
        None => None,
        Some(None) => Some(enable::plan(&enable::default_dir())?),
        Some(Some(dir)) => Some(enable::plan(dir)?),
    };
    let mut rollback = Rollback::default();
    let write = |rollback: &mut Rollback| {
        make_dir(&dir, rollback)?;
        for (file, path) in files.iter().zip(&paths) {
            create(path, &file.text, mode(file), rollback)?;
        }
        for (path, text) in &servers {
            replace(path, text, rollback)?;
        }
        let conf = paths.iter().zip(&files).find(|(_, file)| file.name == "jk.conf");
        match (&enabling, conf) {
            (Some(enabling), Some((path, file))) => enabling.enable(path, &file.text, rollback),
            _ => Ok(false),
        }
    };
    let is_tested =
        write(&mut rollback).map_err(|why: String| format!("{why}; nothing was changed"))?;
    rollback.keep();
    let changed = servers.iter().map(|(path, _)| path.as_path());
    let changed = changed.chain(enabling.iter().map(Enabling::path));
    let written = paths.iter().map(PathBuf::as_path).chain(changed);
    written.for_each(|path| effects::record(format!("{} was written", path.display())));
    // A Tomcat whose server.xml is new does not know of it yet.
    let may_ping = !args.no_ping && servers.is_empty();
    let backends = may_ping.then(|| ping::ask_all(&ping_args(args, &paths[0])));
    let backends = backends.transpose()?.unwrap_or_default();
    if output.is_json() {
        let written = files.iter().zip(&paths);
        let written = written.map(|(file, path)| {
            json!({ "path": path.to_string_lossy(), "mode": format!("{:o}", mode(file)) })
        });
        let backends: Vec<_> = backends.iter().map(|(peer, own)| ping::page(peer, own)).collect();
        let servers = servers.iter().map(|(path, _)| path.to_string_lossy());
        output.json(&json!({
            "files": written.collect::<Vec<_>>(), "module": wanted.module, "backends": backends,
            "server_xml": servers.collect::<Vec<_>>(),
            "enabled": enabling.as_ref().map(|own| own.path().to_string_lossy()),
        }));
        return Ok(WELL);
    }
    for (file, path) in files.iter().zip(&paths) {
        say!("{} ({:o})", path.display(), mode(file));
    }
    for (path, _) in &servers {
        say!("{}: the connector was added; before: {}", path.display(), backup_of(path).display());
    }
    match &enabling {
        Some(Enabling::Link(link)) => say!("{} leads to jk.conf", link.display()),
        Some(Enabling::Replace(conf)) => {
            say!(
                "{}: has these settings now; before: {}",
                conf.display(),
                backup_of(conf).display()
            );
        }
        None => {}
    }
    if args.module.is_none() && !Path::new(&wanted.module).exists() {
        say!(
            "\nmod_jk.so was not found in {}: install it, or correct the LoadModule line of jk.conf",
            MODULE_DIRS.join(", ")
        );
    }
    if !backends.is_empty() {
        say!("\nThe Tomcats now:");
    }
    backends.iter().for_each(|(peer, report)| ping::print(peer, report, output));
    let done = Done {
        servers: servers.iter().map(|(path, _)| path.as_path()).collect(),
        is_enabled: enabling.is_some(),
        is_tested,
        do_serve: !backends.is_empty() && backends.iter().all(|(_, own)| own.diagnosis.is_none()),
    };
    steps::print(args, &paths, &done);
    Ok(WELL)
}

/// Returns what is wanted, and the directory of the files.
fn wanted(args: &Init) -> Result<(InitRequest, PathBuf), String> {
    let tomcats =
        args.tomcats.iter().map(|own| Tomcat::parse(own)).collect::<Result<Vec<_>, _>>()?;
    let secret = match (&args.secret_file, args.no_secret) {
        (_, true) => None,
        (Some(file), false) => Some(disk::first_line(file)?),
        (None, false) => Some(clock::nonce()).filter(|own| !own.is_empty()),
    };
    if secret.is_none() && !args.no_secret {
        return Err(
            "cannot generate a secret, because /dev/urandom cannot be read: give one with --secret-file"
                .to_owned(),
        );
    }
    let dir = match args.dir.symlink_metadata() {
        Ok(_) => args.dir.canonicalize(),
        Err(_) => std::path::absolute(&args.dir),
    };
    let dir = dir.map_err(|why| failed(&args.dir, &why))?;
    let wanted = InitRequest {
        tomcats,
        mounts: args.mounts.clone(),
        secret,
        dir: dir.to_string_lossy().into_owned(),
        module: args.module.clone().unwrap_or_else(module).to_string_lossy().into_owned(),
    };
    Ok((wanted, dir))
}

/// Returns each server.xml that is to be changed, with its new text.
fn changed_servers(args: &Init, wanted: &InitRequest) -> Result<Vec<(PathBuf, String)>, String> {
    if args.server_xml.is_empty() {
        return Ok(Vec::new());
    }
    if args.server_xml.len() != wanted.tomcats.len() {
        return Err(format!(
            "--server-xml is given {} times and --tomcat {} times: name one server.xml for each Tomcat, in their order",
            args.server_xml.len(),
            wanted.tomcats.len()
        ));
    }
    let mut servers: Vec<(PathBuf, String)> = Vec::new();
    for (path, side) in args.server_xml.iter().zip(tomcat_sides(wanted)?) {
        let path = path.canonicalize().map_err(|why| failed(path, &why))?;
        let backup = backup_of(&path);
        if backup.symlink_metadata().is_ok() || servers.iter().any(|(own, _)| *own == path) {
            return Err(format!(
                "{} exists, so {} was changed before; nothing was changed now",
                backup.display(),
                path.display()
            ));
        }
        let text = fs::read(&path).map_err(|why| failed(&path, &why))?;
        let text = String::from_utf8(text)
            .map_err(|_| format!("{} is not UTF-8: add the connector by hand", path.display()))?;
        let text = with_connector(&text, &side.connector, side.route.as_deref()).map_err(
            |(line, why)| format!("{}:{line}: {why}; nothing was changed", path.display()),
        )?;
        servers.push((path, text));
    }
    Ok(servers)
}

/// Returns where the module is, or where it would be below ServerRoot.
fn module() -> PathBuf {
    let found = MODULE_DIRS.iter().map(|dir| Path::new(dir).join("mod_jk.so"));
    let mut found = found.filter(|path| path.exists());
    found.next().unwrap_or_else(|| PathBuf::from("modules/mod_jk.so"))
}

/// Where distributions and httpd's own build keep modules.
const MODULE_DIRS: [&str; 5] = [
    "/usr/lib/apache2/modules",
    "/usr/lib64/httpd/modules",
    "/usr/lib/httpd/modules",
    "/usr/lib64/apache2",
    "/usr/local/apache2/modules",
];

/// What is asked of the Tomcats: as `jkctl ping -f` does, with less patience.
fn ping_args(args: &Init, workers: &Path) -> PingArgs {
    PingArgs {
        target: None,
        files: vec![workers.to_owned()],
        secret_file: None,
        uri: args.mounts.first().cloned().unwrap_or_else(|| "/".to_owned()),
        host: "localhost".to_owned(),
        timeout: Duration::from_secs(2),
        packet_size: None,
        reading: Reading::default(),
    }
}

fn mode(file: &NewFile) -> u32 {
    if file.is_secret { 0o640 } else { 0o644 }
}
