//! Who imports whom: the table of modules and what each may use, and no circle between files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{files, is_test, short};

/// Module, and the modules it may import. Every module of the library has a line, and every
/// permission is used.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("ajp", &["exchange"]),
    ("clear", &[]),
    ("clock", &[]),
    ("config", &["ajp", "health", "lb", "sorting", "text", "uri_map"]),
    ("events", &["messages"]),
    ("exchange", &[]),
    ("health", &["ajp", "clock", "exchange", "lb", "text"]),
    (
        "httpd",
        &[
            "clock", "config", "exchange", "lb", "log", "messages", "net", "shm", "sorting",
            "status", "text", "uri_map", "worker",
        ],
    ),
    ("lb", &["clear", "clock", "text"]),
    ("log", &["clock", "config", "messages", "text"]),
    ("messages", &[]),
    ("metrics", &["clear", "messages"]),
    ("net", &["clock", "exchange", "sorting"]),
    ("shm", &["clear", "clock", "events", "lb", "metrics", "sorting"]),
    ("sorting", &[]),
    ("status", &["config", "events", "lb", "messages", "metrics", "sorting", "text", "uri_map"]),
    ("text", &[]),
    ("tool", &["ajp", "config", "net", "text", "uri_map"]),
    ("uri_map", &["sorting", "text"]),
    (
        "worker",
        &[
            "ajp", "clock", "config", "events", "exchange", "health", "lb", "log", "messages",
            "metrics", "net", "shm", "sorting", "status", "text", "uri_map",
        ],
    ),
];

/// What the operator's tool may use: what is pure, and `net`.
const JKCTL_MAY_USE: &[&str] = &[
    "ajp", "clock", "config", "exchange", "lb", "messages", "net", "status", "text", "tool",
    "uri_map",
];

#[test]
fn imports_follow_the_table() {
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for (file, source) in sources() {
        let own = top(&file);
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == own) else {
            assert_eq!(own, "lib", "{file} is in no module of the table");
            continue;
        };
        for path in source.imports() {
            let other = path.split("::").next().unwrap_or_default();
            used.insert((own.clone(), other.to_owned()));
            if other != own && !allowed.contains(&other) {
                wrong.push(format!("{file}: crate::{path}"));
            }
        }
    }
    assert!(wrong.is_empty(), "not in the table of imports:\n{}", wrong.join("\n"));
    for (module, allowed) in MAY_IMPORT {
        for other in *allowed {
            let is_used = used.contains(&((*module).to_owned(), (*other).to_owned()));
            assert!(is_used, "{module} does not use its permission to import {other}");
        }
    }
}

#[test]
fn jkctl_uses_pure_modules_and_the_network() {
    let mut used = BTreeSet::new();
    for path in files("src/bin", ".rs") {
        let text = fs::read_to_string(&path).expect("a file of ours");
        let source = Source::read(&text, "mod_jk::", "");
        for import in source.imports() {
            let module = import.split("::").next().unwrap_or_default().to_owned();
            assert!(
                JKCTL_MAY_USE.contains(&module.as_str()),
                "{}: mod_jk::{import} is not for jkctl",
                short(&path)
            );
            used.insert(module);
        }
    }
    for module in JKCTL_MAY_USE {
        assert!(used.contains(*module), "jkctl does not use its permission to import {module}");
    }
}

#[test]
fn no_file_imports_itself_through_others() {
    for sources in [sources(), sources_below("src/bin/jkctl/")] {
        let graph = sources
            .iter()
            .map(|(file, source)| {
                let targets = source.imports().filter_map(|path| file_of(path, &sources));
                (file.clone(), targets.filter(|other| other != file).collect())
            })
            .collect();
        let circles = circles(&graph);
        assert!(
            circles.is_empty(),
            "move what both need to a file of its own:\n{}",
            circles.join("\n")
        );
    }
}

#[test]
fn no_module_imports_itself_through_others() {
    let mut graph = BTreeMap::<String, BTreeSet<String>>::new();
    for (file, source) in sources() {
        let own = top(&file);
        let others = source.imports().map(|path| top(path)).filter(|other| *other != own);
        graph.entry(own.clone()).or_default().extend(others);
    }
    let circles = circles(&graph);
    assert!(circles.is_empty(), "one of these must not know the other:\n{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found() {
    let graph = [("a", "b"), ("b", "c"), ("c", "b"), ("d", "a")]
        .map(|(from, to)| (from.to_owned(), BTreeSet::from([to.to_owned()])));
    assert_eq!(circles(&graph.into()), ["b > c > b", "c > b > c"]);
}

/// Finds who comes back to itself. Says the shortest way, which names what must change.
fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut circles = Vec::new();
    for (own, direct) in graph {
        let mut ways: Vec<Vec<&String>> = direct.iter().map(|next| vec![next]).collect();
        let mut seen = BTreeSet::new();
        while let Some(way) = (!ways.is_empty()).then(|| ways.remove(0)) {
            let Some(last) = way.last().copied() else { continue };
            if last == own {
                circles.push(way.iter().fold(own.clone(), |all, one| all + " > " + one));
                break;
            }
            for next in graph.get(last).into_iter().flatten() {
                if seen.insert(next) {
                    ways.push([way.as_slice(), &[next]].concat());
                }
            }
        }
    }
    circles
}

#[test]
fn a_type_has_a_name_of_its_own() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let own = files("src", ".rs").into_iter().filter(|path| !is_test(&short(path)));
    for path in own {
        let text = fs::read_to_string(&path).expect("a file of ours");
        for line in without_tests(&text).lines() {
            let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
            let is_type = match words.next() {
                Some("struct" | "enum" | "trait" | "union") => true,
                // One inside an `impl` is another matter.
                Some("type") => !line.starts_with(' '),
                _ => false,
            };
            if let Some(word) = words.next().filter(|_| is_type) {
                let end = word.find(|c: char| !c.is_alphanumeric()).unwrap_or(word.len());
                places.entry(word[..end].to_owned()).or_default().push(short(&path));
            }
        }
    }
    assert!(places.len() > 200, "only {} types found", places.len());
    places.retain(|_, places| places.len() > 1);
    assert!(places.is_empty(), "one name for several types: {places:#?}");
}

/// A file's paths into the crate, without its unit tests.
struct Source {
    paths: Vec<String>,
    /// What it hands on under its own path: name, and the path it comes from.
    handed_on: BTreeMap<String, String>,
}

impl Source {
    /// Reads a file; `root` begins the paths of its crate, `module` is its own path.
    fn read(text: &str, root: &str, module: &str) -> Self {
        let (mut paths, mut handed_on) = (Vec::new(), BTreeMap::new());
        let text: String = without_tests(text)
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .fold(String::new(), |all, line| all + line.trim() + " ");
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let children = text.split("mod ").skip(1).filter_map(|part| part.split_once(';'));
        let children: Vec<_> = children.filter(|(name, _)| name.chars().all(is_word)).collect();
        for statement in text.split_inclusive(';') {
            // Modules below this one are named without the way from the root.
            let names_below = !module.is_empty() && !statement.contains("pub use ");
            for (child, _) in children.iter().filter(|_| names_below) {
                let path = format!("{child}::");
                let uses = statement.match_indices(&path);
                let mut before = uses.map(|(at, _)| statement[..at].chars().next_back());
                if before.any(|c| c.is_none_or(|c| !is_word(c) && c != ':')) {
                    paths.push(format!("{module}::{child}"));
                }
            }
            let begin = statement.find("use ").filter(|at| {
                statement[..*at].trim_end().rsplit(['}', ';']).next().is_some_and(|before| {
                    matches!(before.trim(), "" | "pub") || before.trim().starts_with("pub(")
                })
            });
            let Some(begin) = begin else { continue };
            let is_public = statement[..begin].contains("pub");
            let tree = statement[begin + 4..].trim_end_matches(';');
            for leaf in leaves(tree) {
                let leaf = leaf.split(" as ").next().unwrap_or_default().trim().to_owned();
                if is_public {
                    let name = leaf.rsplit("::").next().unwrap_or_default().to_owned();
                    handed_on.insert(name, leaf.clone());
                    continue;
                }
                if let Some(path) = leaf.strip_prefix(root) {
                    paths.push(path.to_owned());
                }
            }
        }
        // Paths that are written out where they are used.
        for part in text.split(root).skip(1) {
            let is_path = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
            let path = &part[..part.find(is_path).unwrap_or(part.len())];
            if !path.ends_with(':') && !path.is_empty() {
                paths.push(path.to_owned());
            }
        }
        Self { paths, handed_on }
    }

    fn imports(&self) -> impl Iterator<Item = &String> {
        self.paths.iter()
    }
}

/// Flattens `a::{b, c::{d, e}}`.
fn leaves(tree: &str) -> Vec<String> {
    let Some(open) = tree.find('{') else { return vec![tree.trim().to_owned()] };
    let (before, inner) = (tree[..open].trim(), &tree[open + 1..tree.rfind('}').unwrap_or(open)]);
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("there is one").push(c);
    }
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.flat_map(|part| leaves(part).into_iter().map(|leaf| format!("{before}{leaf}"))).collect()
}

fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests {").map_or(text, |at| &text[..at])
}

/// Module path of each file of the library, such as `worker::ajp13::attempt`, and what it imports.
fn sources() -> BTreeMap<String, Source> {
    let mut all = sources_below("src/");
    all.retain(|module, _| !module.starts_with("bin::"));
    all
}

/// The same for each file of the crate in a directory.
fn sources_below(dir: &str) -> BTreeMap<String, Source> {
    let mut all = BTreeMap::new();
    for path in files(dir, ".rs") {
        let name = short(&path);
        if is_test(&name) {
            continue;
        }
        let module = name.trim_start_matches(dir).trim_end_matches(".rs");
        let module = module.trim_end_matches("/mod").replace('/', "::");
        let text = fs::read_to_string(&path).expect("a file of ours");
        let source = Source::read(&text, "crate::", &module);
        all.insert(module, source);
    }
    all
}

fn top(module: &str) -> String {
    module.split("::").next().unwrap_or_default().to_owned()
}

/// Finds the file that defines what a path means: the longest module, and through what that hands
/// on to the file behind it.
fn file_of(path: &str, sources: &BTreeMap<String, Source>) -> Option<String> {
    let parts: Vec<&str> = path.split("::").collect();
    let (length, module) = (1..=parts.len())
        .rev()
        .map(|length| (length, parts[..length].join("::")))
        .find(|(_, module)| sources.contains_key(module))?;
    let from = parts.get(length).and_then(|name| sources[&module].handed_on.get(*name));
    match from.filter(|from| from.contains("::")) {
        Some(from) => match from.strip_prefix("crate::") {
            Some(path) => file_of(path, sources),
            None => file_of(&format!("{module}::{from}"), sources),
        },
        None => Some(module),
    }
}
