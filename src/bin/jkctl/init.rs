//! `jkctl init`: files to start from.

use std::fs::{
    OpenOptions, Permissions, create_dir_all, read, remove_dir, remove_file, set_permissions,
};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mod_jk::clock;
use mod_jk::tool::init::{InitRequest, NewFile, Tomcat, files};
use serde_json::json;

use crate::cli::files::{Init, PingArgs, Reading};
use crate::output::Printer;
use crate::{CommandResult, WELL, disk, effects, ping};

/// Writes the files and says what comes next.
pub fn run(args: &Init, output: Printer) -> CommandResult {
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
    let failed = |path: &std::path::Path, why: &std::io::Error| {
        format!("{}: {}", path.display(), disk::reason(why))
    };
    // The first directory that is missing, to be taken away again should anything fail.
    let made = args.dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty());
    let made = made.take_while(|dir| dir.symlink_metadata().is_err()).last();
    let dir = match made {
        None => args.dir.canonicalize(),
        Some(_) => std::path::absolute(&args.dir),
    };
    let dir = dir.map_err(|why| failed(&args.dir, &why))?;
    let wanted = InitRequest {
        tomcats,
        mounts: args.mounts.clone(),
        secret,
        dir: dir.to_string_lossy().into_owned(),
        module: args.module.clone().unwrap_or_else(module).to_string_lossy().into_owned(),
    };
    let files = files(&wanted)?;
    // All or nothing: half a configuration is of no use.
    let paths: Vec<_> = files.iter().map(|file| dir.join(file.name)).collect();
    if let Some(path) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(format!(
            "{} exists and was not changed: move it away, or choose another --dir",
            path.display()
        ));
    }
    let written = create_dir_all(&dir).map_err(|why| failed(&dir, &why)).and_then(|()| {
        files.iter().zip(&paths).try_for_each(|(file, path)| {
            let result = write(file, path);
            // What was there before is not ours to remove.
            if result.as_ref().is_err_and(|why| why.kind() != std::io::ErrorKind::AlreadyExists) {
                let _ = remove_file(path);
            }
            result.map_err(|why| failed(path, &why))
        })
    });
    if let Err(why) = written {
        let own = files.iter().zip(&paths).take_while(|(file, path)| is_ours(file, path));
        own.for_each(|(_, path)| drop(remove_file(path)));
        if let Some(made) = made {
            let dirs = args.dir.ancestors().take_while(|dir| dir.starts_with(made));
            dirs.for_each(|dir| drop(remove_dir(dir)));
        }
        return Err(format!("{why}; nothing was written"));
    }
    paths.iter().for_each(|path| effects::record(format!("{} was written", path.display())));
    let backends = (!args.no_ping).then(|| ping::ask_all(&ping_args(args, &paths[0])));
    let backends = backends.transpose()?.unwrap_or_default();
    if output.is_json() {
        let written = files.iter().zip(&paths);
        let written = written.map(|(file, path)| {
            json!({ "path": path.to_string_lossy(), "mode": format!("{:o}", mode(file)) })
        });
        let backends: Vec<_> = backends.iter().map(|(peer, own)| ping::page(peer, own)).collect();
        output.json(&json!({
            "files": written.collect::<Vec<_>>(), "module": wanted.module, "backends": backends,
        }));
        return Ok(WELL);
    }
    for (file, path) in files.iter().zip(&paths) {
        say!("{} ({:o})", path.display(), mode(file));
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
    let do_serve = !backends.is_empty() && backends.iter().all(|(_, own)| own.diagnosis.is_none());
    say!("\nNext:");
    let [workers, mounts, conf, connector] =
        [0, 1, 2, 3].map(|place: usize| paths[place].display());
    let mut steps = Vec::new();
    if !do_serve {
        steps.push(format!(
            "put the lines of {connector} into the server.xml of each Tomcat, and restart it"
        ));
        steps.push(format!("jkctl ping -f {workers}"));
    }
    let enabled = ENABLED.iter().find(|dir| Path::new(dir).is_dir());
    steps.push(match enabled {
        Some(dir) => format!("ln -s {conf} {dir}/jk-init.conf && apachectl -t"),
        None => format!("put the line  Include {conf}  into httpd.conf, then apachectl -t"),
    });
    steps.push("apachectl graceful".to_owned());
    let path = args.mounts.first().map_or("/", String::as_str).trim_end_matches('/');
    steps.push(format!("curl -i http://localhost{path}/"));
    for (step, number) in steps.iter().zip(1..) {
        say!("  {number}. {step}");
    }
    say!("{mounts} says which URIs go to Tomcat; http://localhost/jk-status shows its state.");
    Ok(WELL)
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

/// Directories whose files httpd includes in the main server.
const ENABLED: [&str; 2] = ["/etc/apache2/conf-enabled", "/etc/httpd/conf.d"];

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

/// Tells whether a file is the one that was just written.
fn is_ours(file: &NewFile, path: &Path) -> bool {
    read(path).is_ok_and(|text| text == file.text.as_bytes())
}

fn write(file: &NewFile, path: &Path) -> std::io::Result<()> {
    let mut open = OpenOptions::new();
    let mut to = open.write(true).create_new(true).mode(mode(file)).open(path)?;
    to.write_all(file.text.as_bytes())?;
    set_permissions(path, Permissions::from_mode(mode(file)))
}
