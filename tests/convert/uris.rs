//! The URIs of a configuration: its own paths, and what lies beside and below them.

use std::collections::BTreeSet;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probe {
    pub host: String,
    pub path: String,
    pub cookie: Option<String>,
}

/// Returns `count` requests for a configuration, the same ones at each call.
pub fn probes(text: &str, count: usize) -> Vec<Probe> {
    let words = |line: &str| {
        line.split_whitespace().map(|own| own.trim_matches(['"', '>']).to_owned()).collect()
    };
    let lines: Vec<Vec<String>> =
        text.lines().filter(|line| !line.starts_with('#')).map(words).collect();
    let mut hosts = vec!["elsewhere.example.org".to_owned()];
    let mut paths = BTreeSet::from([String::new()]);
    let mut routes = Vec::new();
    for line in &lines {
        match line.first().map(String::as_str) {
            Some("ServerName" | "ServerAlias") => hosts.push(line[1].clone()),
            Some("ProxyPass" | "<Location" | "Alias" | "Redirect") if line[1].starts_with('/') => {
                paths.insert(line[1].trim_end_matches('/').to_owned());
            }
            Some("ProxyPassMatch" | "<LocationMatch") => paths.extend(of_expression(&line[1])),
            Some("BalancerMember") => {
                routes.extend(
                    line.iter().filter_map(|own| own.strip_prefix("route=")).map(str::to_owned),
                );
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    // In rounds, so that a small count has some of each path.
    let rounds = ENDINGS.len().max(DEEPER.len() + ENDINGS.len());
    for round in 0..rounds {
        for path in &paths {
            let path = match ENDINGS.get(round) {
                Some(ending) => changed(path, ending),
                None => format!("{path}{}", DEEPER[round - ENDINGS.len()]),
            };
            for host in &hosts {
                let route = routes.get(round % (routes.len() + 1)).filter(|_| !routes.is_empty());
                let cookie = route.map(|route| format!("JSESSIONID=0A1B.{route}"));
                all.push(Probe { host: host.clone(), path: path.clone(), cookie });
            }
        }
    }
    let mut seen = BTreeSet::new();
    all.retain(|own| own.path.starts_with('/') && seen.insert(own.clone()));
    // Those of the beginning again, as deep as it takes.
    for depth in 1.. {
        if all.len() >= count {
            break;
        }
        let more: Vec<_> = all
            .iter()
            .filter(|own| !own.path.contains(['?', ';', '%']) && !own.path.contains(".."))
            .map(|own| Probe {
                path: format!("{}/{depth}", own.path.trim_end_matches('/')),
                ..own.clone()
            })
            .collect();
        let more = more.into_iter().filter(|own| seen.insert(own.clone())).collect::<Vec<_>>();
        all.extend(more);
    }
    all.truncate(count);
    all
}

/// Paths that an expression of the configurations is about.
fn of_expression(regex: &str) -> Vec<String> {
    let plain: String =
        regex.chars().filter(|c| c.is_ascii_alphanumeric() || "/|-".contains(*c)).collect();
    let words = plain.split(['|', '/']).filter(|own| !own.is_empty());
    words.map(|own| format!("/{own}")).collect()
}

fn changed(path: &str, ending: &str) -> String {
    match ending.strip_prefix('^') {
        Some(before) => format!("{before}{path}"),
        None => format!("{path}{ending}"),
    }
}

/// What is put behind a path, or before it.
const ENDINGS: &[&str] = &[
    "/",
    "",
    "/x",
    "x",
    "/index.jsp",
    "/a/b.gif",
    ".jsp",
    "/static/live/x",
    "/x?y=/z",
    "^/",
    "/../none",
    "/./x",
    "//x/y",
    "/%61pp",
    "%2fx",
    "/x;v=1",
    "/X",
    "/x.do",
    "/style.css",
    "^/none",
];

/// More of them, deeper.
const DEEPER: &[&str] = &[
    "/b",
    "/c/d",
    "/x/y.jsp",
    "/static",
    "/admin/public",
    "/b/",
    "/c",
    "/d/e/f/g",
    "/12/x",
    "/ab/x",
    "/a%20b",
    "/b.jpeg",
    "/x.jsp/y",
    "/api/private",
    "/ws",
    "/?a",
    "/.x",
    "/~x",
    "/a+b",
    "/live",
];
