//! Completions of names: what runs, asked of the status worker while the user types. What cannot be asked
//! within a second completes to nothing, and nothing is said.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap_complete::CompletionCandidate;
use mod_jk::status::change_text::{Meant, settable};
use serde_json::Value;

use crate::cli::server::ServerArgs;
use crate::client::Client;
use crate::page::{array, text};

/// Returns `balancer/member` of each member that begins with what was typed.
pub fn members(typed: &OsStr) -> Vec<CompletionCandidate> {
    beginning_with(typed, page().iter().flat_map(all_members))
}

/// Returns balancers, members and workers.
pub fn targets(typed: &OsStr) -> Vec<CompletionCandidate> {
    let page = page();
    let names = page.iter().flat_map(|page| all_workers(page).chain(all_members(page)));
    beginning_with(typed, names)
}

/// Returns balancers and workers without a balancer.
pub fn workers(typed: &OsStr) -> Vec<CompletionCandidate> {
    beginning_with(typed, page().iter().flat_map(all_workers))
}

/// Returns settings as `name=`, to be followed by a value.
pub fn settings(typed: &OsStr) -> Vec<CompletionCandidate> {
    beginning_with(typed, property_names().map(|name| format!("{name}=")))
}

/// Returns the names of settings.
pub fn properties(typed: &OsStr) -> Vec<CompletionCandidate> {
    beginning_with(typed, property_names())
}

fn property_names() -> impl Iterator<Item = String> {
    let mut names: Vec<_> =
        [Meant::Balancer, Meant::Member, Meant::Ajp].into_iter().flat_map(settable).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(str::to_owned)
}

fn all_workers(page: &Value) -> impl Iterator<Item = (String, &Value)> {
    let all = array(page, "balancers").chain(array(page, "ajp_workers"));
    all.map(|own| (text(own, "name").to_owned(), own))
}

fn all_members(page: &Value) -> impl Iterator<Item = (String, &Value)> {
    array(page, "balancers").flat_map(|lb| {
        let name = text(lb, "name");
        array(lb, "members").map(move |own| (format!("{name}/{}", text(own, "name")), own))
    })
}

/// A name, with the condition beside it in shells that show such a thing.
trait NamedCandidate {
    fn candidate(self) -> (String, Option<String>);
}

impl NamedCandidate for String {
    fn candidate(self) -> (String, Option<String>) {
        (self, None)
    }
}

impl NamedCandidate for (String, &Value) {
    fn candidate(self) -> (String, Option<String>) {
        (self.0, self.1["condition"].as_str().map(str::to_owned))
    }
}

fn beginning_with<N: NamedCandidate>(
    typed: &OsStr,
    names: impl Iterator<Item = N>,
) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let names = names.map(N::candidate).filter(|(name, _)| name.starts_with(&*typed));
    let all = names.map(|(name, help)| {
        CompletionCandidate::new(name).help(help.map(clap::builder::StyledStr::from))
    });
    all.collect()
}

/// Asks the status worker that the line names so far.
fn page() -> Option<Value> {
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").collect();
    let words = words.iter().map(|own| own.to_string_lossy().into_owned());
    let server = server(&rejoined(words), |name| std::env::var(name).ok());
    Client::for_completion(&server)?.list().ok()
}

/// Puts together what bash takes apart: it ends words at `:` and `=`, as in a URL.
fn rejoined(words: impl Iterator<Item = String>) -> Vec<String> {
    let is_break = |word: &str| !word.is_empty() && word.chars().all(|c| c == ':' || c == '=');
    let (mut all, mut goes_on) = (Vec::<String>::new(), false);
    for word in words {
        let breaks = is_break(&word);
        match all.last_mut().filter(|_| breaks || goes_on) {
            Some(last) => last.push_str(&word),
            None => all.push(word),
        }
        goes_on = breaks;
    }
    all
}

/// Reads how to reach a status worker from a line that may not be complete.
fn server(words: &[String], variable: impl Fn(&str) -> Option<String>) -> ServerArgs {
    let value = |long: &str, short: Option<&str>| {
        words.iter().enumerate().find_map(|(place, word)| {
            let is_whole = word == long || Some(word.as_str()) == short;
            match is_whole {
                true => words.get(place + 1).cloned(),
                false => word.strip_prefix(long)?.strip_prefix('=').map(str::to_owned),
            }
        })
    };
    ServerArgs {
        url: value("--url", Some("-u"))
            .or_else(|| variable("JKCTL_URL"))
            .unwrap_or_else(|| ServerArgs::USUAL_URL.to_owned()),
        cacert: value("--cacert", None).map(Into::into),
        user: value("--user", None).or_else(|| variable("JKCTL_USER")),
        // The standard input belongs to the shell.
        password_file: value("--password-file", None).filter(|own| own != "-").map(Into::into),
        netrc: value("--netrc", None).map(Into::into),
        max_time: Duration::from_secs(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_worker_is_that_of_the_line() {
        let of = |line: &str, url: Option<&str>| {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            server(&words, |name| url.filter(|_| name == "JKCTL_URL").map(str::to_owned))
        };
        assert_eq!(of("-- jkctl drain ", None).url, ServerArgs::USUAL_URL);
        assert_eq!(of("-- jkctl drain ", Some("http://e/")).url, "http://e/");
        assert_eq!(of("-- jkctl drain --url http://a/ x", Some("http://e/")).url, "http://a/");
        assert_eq!(of("-- jkctl drain -u http://a/", None).url, "http://a/");
        let with_user = of("-- jkctl drain --url=http://a/ --user joe --password-file -", None);
        assert_eq!((with_user.url.as_str(), with_user.user.as_deref()), ("http://a/", Some("joe")));
        assert_eq!(with_user.password_file, None);
        assert_eq!(of("-- jkctl drain --url", None).url, ServerArgs::USUAL_URL, "not complete");
    }

    #[test]
    fn what_bash_takes_apart_is_put_together() {
        let of = |line: &str| rejoined(line.split(' ').map(str::to_owned)).join(" ");
        assert_eq!(of("-- --url http : //h : 80/s status"), "-- --url http://h:80/s status");
        assert_eq!(of("-- --url = http : //h/ x"), "-- --url=http://h/ x");
        assert_eq!(of("-- --url http://h:80/s x"), "-- --url http://h:80/s x");
    }

    #[test]
    fn settings_are_followed_by_a_value() {
        let names: Vec<_> = settings(OsStr::new("reply_"))
            .iter()
            .map(|own| own.get_value().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["reply_timeout="]);
    }
}
