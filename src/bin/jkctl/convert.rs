//! `jkctl convert`: configurations of mod_proxy as ours, and back.

use std::fs::{OpenOptions, Permissions, create_dir_all, set_permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mod_jk::config::Severity;
use mod_jk::text;
use mod_jk::tool::convert::{Conversion, ConvertedFile, Remark, to_jk, to_proxy};
use serde_json::json;

use crate::cli::files::{Convert, ConvertTo};
use crate::output::Printer;
use crate::{CommandResult, WELL, disk, effects, inputs};

/// Converts, prints or writes the files, and reports what has no counterpart.
pub fn run(args: &Convert, output: Printer) -> CommandResult {
    let converted = match args.to {
        ConvertTo::Jk => {
            let (conf, disk) = inputs::read_conf(&args.files, &args.reading)?;
            let wrong = conf.problems.iter().filter(|own| own.severity == Severity::Error);
            wrong.for_each(|own| eprintln!("{}", text::shown(&own.to_string())));
            let dir = args.dir.as_deref().map(std::path::absolute);
            let dir = dir.and_then(Result::ok).map(|own| text::of_path(&own));
            to_jk(&conf, dir.as_deref().unwrap_or(&conf.root), &disk)
        }
        ConvertTo::Proxy => {
            let inputs = inputs::read(&args.files, &args.reading)?;
            if let Some(refused) = inputs::refusal(&inputs.checked) {
                return Err(refused);
            }
            to_proxy(&inputs.conf, &inputs.checked, &inputs.disk)
        }
    };
    let written = match &args.dir {
        Some(dir) => write_all(dir, &converted.files, args.force)?,
        None => Vec::new(),
    };
    if output.is_json() {
        output.json(&page(&converted, &written));
        return Ok(WELL);
    }
    for own in &converted.remarks {
        eprintln!("{}", text::shown(&own.to_string()));
    }
    if args.dir.is_none() {
        for file in &converted.files {
            say!("# ==> {} <==\n{}", file.name, file.text);
        }
        return Ok(WELL);
    }
    for (file, path) in converted.files.iter().zip(&written) {
        say!("{} ({:o})", path.display(), mode(file));
    }
    if !written.is_empty() {
        say!("compare the copies with your files, put them in place, and try: apachectl -t");
    }
    Ok(WELL)
}

fn page(converted: &Conversion, written: &[PathBuf]) -> serde_json::Value {
    let files = converted.files.iter().enumerate().map(|(place, own)| match written.get(place) {
        Some(path) => json!({ "path": path.to_string_lossy(), "mode": format!("{:o}", mode(own)) }),
        None => json!({ "name": own.name, "text": own.text }),
    });
    let remarks = converted.remarks.iter().map(|own: &Remark| {
        json!({
            "file": &*own.origin.file, "line": own.origin.line, "loss": own.loss.word(),
            "subject": own.subject, "text": own.text,
        })
    });
    json!({ "files": files.collect::<Vec<_>>(), "remarks": remarks.collect::<Vec<_>>() })
}

/// Writes all files, or none if one of them exists.
fn write_all(dir: &Path, files: &[ConvertedFile], force: bool) -> Result<Vec<PathBuf>, String> {
    let paths: Vec<PathBuf> = files.iter().map(|file| dir.join(text::path(&file.name))).collect();
    if let Some(path) = paths.iter().find(|path| !force && path.symlink_metadata().is_ok()) {
        return Err(format!(
            "{} exists and was not changed: choose another --dir, or overwrite it with --force",
            path.display()
        ));
    }
    for (file, path) in files.iter().zip(&paths) {
        write(file, path, force)
            .map_err(|why| format!("{}: {}", path.display(), disk::reason(&why)))?;
        effects::record(format!("{} was written", path.display()));
    }
    Ok(paths)
}

fn write(file: &ConvertedFile, path: &Path, force: bool) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        create_dir_all(dir)?;
    }
    let mut open = OpenOptions::new();
    open.write(true).mode(mode(file));
    match force {
        true => open.create(true).truncate(true),
        false => open.create_new(true),
    };
    let mut to = open.open(path)?;
    set_permissions(path, Permissions::from_mode(mode(file)))?;
    to.write_all(&text::raw(&file.text))
}

fn mode(file: &ConvertedFile) -> u32 {
    if file.is_secret { 0o640 } else { 0o644 }
}
