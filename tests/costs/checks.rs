//! What `httpd -t` does with a configuration of many workers. `run` counts it for a number of them and for
//! twice as many, which must not cost four times as much.

use mod_jk::config::validate::{Files, check};
use mod_jk::config::{Context, Origin, Section, ServerSettings};

/// One workers file, in memory.
struct File(String);

impl Files for File {
    fn rooted(&self, path: &str) -> String {
        path.to_owned()
    }

    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Ok(self.0.clone().into_bytes())
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

/// The configurations, each of which has another check that looks at many things.
pub const SHAPES: &[&str] =
    &["mounted", "unmounted", "listed", "slips", "members", "unused", "undefined", "lost"];

/// Checks a configuration of so many workers; returns how many remarks there are.
pub fn run(shape: &str, count: usize) -> usize {
    let names: Vec<_> = (0..count).map(|number| format!("tomcat{number:05}")).collect();
    let mut text = match shape {
        "listed" => names.iter().map(|name| format!("worker.list={name}\n")).collect(),
        "members" => format!(
            "worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers={}\n",
            names.join(",")
        ),
        "unused" => "worker.list=other\nworker.other.port=8009\n".to_owned(),
        // As many names without a property.
        "undefined" => names.iter().map(|name| format!("worker.list={name},{name}x\n")).collect(),
        _ => format!("worker.list={}\n", names.join(",")),
    };
    for (number, name) in names.iter().enumerate() {
        text += &format!("worker.{name}.host=127.0.{}.{}\n", number / 250, 1 + number % 250);
        text += &format!("worker.{name}.port=8009\n");
        if shape == "lost" {
            text += &format!("worker.{name}.reference=worker.{name}x\n");
        }
    }
    let mut main = ServerSettings::default();
    let mut set = |name: &str, first: &str, second: Option<&str>, line: u32| {
        let origin = Origin::new("httpd.conf", line);
        let context = Context { is_virtual: false, section: Section::Server, origin };
        main.set(name, first, second, &context).expect("a directive");
    };
    set("JkWorkersFile", "workers.properties", None, 1);
    let mut line = 1;
    let mut mount = |path: &str, worker: &str| {
        line += 1;
        set("JkMount", path, Some(worker), line);
    };
    match shape {
        "mounted" => names.iter().for_each(|name| mount(&format!("/{name}/*"), name)),
        "slips" => names.iter().for_each(|name| mount(&format!("/{name}/*"), &format!("{name}x"))),
        "members" => mount("/*", "lb"),
        "unused" => mount("/*", "other"),
        _ => {}
    }
    check(&[&main], None, &File(text)).problems.len()
}
