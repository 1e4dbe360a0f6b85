//! `jkctl explain` says of every case what the map itself says.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::cases::{Outcome, all, run, strings};

#[test]
fn jkctl_explains_what_the_map_does() {
    // Another run of the tests may be under way beside this one.
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("explain-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let mut failures = Vec::new();
    for case in &all() {
        let explained = explain(case, &dir);
        let mut expected = run(case);
        // 500 for an unknown worker, 404 for what no rule maps: httpd says these, not the map.
        if expected.worker.is_some() || expected.status == 404 && explained.status == 0 {
            expected.status = 0;
        }
        if explained != expected {
            failures.push(format!("{}: expected {expected:?}, got {explained:?}", case["name"]));
        }
    }
    fs::remove_dir_all(&dir).unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Writes the case as files and asks the program.
fn explain(case: &Value, dir: &std::path::Path) -> Outcome {
    let rules = strings(&case["rules"]);
    let mut conf = String::new();
    for line in strings(&case["options"]) {
        conf += &format!("{line}\n");
    }
    match case["from"].as_str().unwrap() {
        "mountfile" => {
            let joined = rules.join("\n") + "\n";
            let text = case["raw_file"].as_str().unwrap_or(&joined);
            fs::write(dir.join("map.properties"), text).unwrap();
            conf += "JkMountFile map.properties\n";
        }
        _ => conf += &format!("{}\n", rules.join("\n")),
    }
    conf += &strings(&case["directives"]).join("\n");
    let path = dir.join("httpd.conf");
    fs::write(&path, conf).unwrap();
    let target = case["uri"].as_str().unwrap().replace("HOST", "host");
    let mut command = Command::new(env!("CARGO_BIN_EXE_jkctl"));
    command.args(["explain", "--format", "json", "-f"]).arg(&path).arg("--").arg(target);
    for (name, value) in case["env"].as_object().into_iter().flatten() {
        command.env(name, value.as_str().unwrap());
    }
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let page: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|why| panic!("{}: {why}: {stderr}", case["name"]));
    let server = &page["servers"][0];
    let worker = server["worker"].as_str().map(String::from);
    assert_eq!(output.status.code(), Some(i32::from(worker.is_none())), "{}", case["name"]);
    Outcome {
        status: server["status"].as_u64().unwrap_or(0) as u16,
        forwarded: server["forwarded"].as_str().map(String::from),
        worker,
    }
}
