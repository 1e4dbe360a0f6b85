//! `jkctl init`: files to start from.

use std::fs::{OpenOptions, Permissions, create_dir_all, set_permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use mod_jk::clock;
use mod_jk::tool::starter::{Tomcat, Wanted, files};

use crate::cli::Init;
use crate::{Outcome, WELL, disk};

/// Writes the files and says what comes next.
pub fn run(args: &Init) -> Outcome {
    let tomcats =
        args.tomcats.iter().map(|own| Tomcat::parse(own)).collect::<Result<Vec<_>, _>>()?;
    let secret = match (&args.secret_file, args.no_secret) {
        (_, true) => None,
        (Some(file), false) => Some(disk::first_line(file)?),
        (None, false) => Some(clock::nonce()).filter(|own| !own.is_empty()),
    };
    if secret.is_none() && !args.no_secret {
        return Err(
            "no secret can be made, as /dev/urandom cannot be read: give one with --secret-file"
                .to_owned(),
        );
    }
    let failed = |path: &std::path::Path, why: &std::io::Error| {
        format!("{}: {}", path.display(), disk::reason(why))
    };
    create_dir_all(&args.dir).map_err(|why| failed(&args.dir, &why))?;
    let dir = args.dir.canonicalize().map_err(|why| failed(&args.dir, &why))?;
    let wanted = Wanted {
        tomcats,
        mounts: args.mounts.clone(),
        secret,
        dir: dir.to_string_lossy().into_owned(),
    };
    let files = files(&wanted)?;
    // All or nothing: half a configuration helps nobody.
    let paths: Vec<_> = files.iter().map(|file| dir.join(file.name)).collect();
    if let Some(path) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(format!(
            "{} exists and is left alone: move it away, or choose another --dir",
            path.display()
        ));
    }
    for (file, path) in files.iter().zip(&paths) {
        let mode = if file.is_secret { 0o640 } else { 0o644 };
        let mut open = OpenOptions::new();
        let write = open.write(true).create_new(true).mode(mode).open(path).and_then(|mut to| {
            to.write_all(file.text.as_bytes())?;
            set_permissions(path, Permissions::from_mode(mode))
        });
        write.map_err(|why| failed(path, &why))?;
        say!("{} ({mode:o})", path.display());
    }
    let [workers, mounts, conf, connector] =
        [0, 1, 2, 3].map(|place: usize| paths[place].display());
    say!(
        "\nNext:\n  \
         1. put the lines of {connector} into the server.xml of each Tomcat, and restart it\n  \
         2. jkctl ping -f {workers}\n  \
         3. include {conf} in httpd.conf (Debian: put it into conf-enabled), then apachectl -t\n  \
         4. apachectl graceful\n\
         {mounts} says which URIs go to Tomcat."
    );
    Ok(WELL)
}
