//! Whether httpd's configuration leaves a status worker unprotected, as far as its text shows.
//!
//! It errs on the side of silence. A pattern it cannot read is taken to cover the path.

use std::net::IpAddr;
use std::sync::Arc;

use crate::config::{Diagnostic, ServerSettings, WorkerKind, WorkersConfig};
use crate::text;
use crate::uri_map::Rule;

pub use crate::config::directive_tree::Directive;

/// Returns the rules that lead to an unprotected status worker, by way of one server. `host` is as for
/// [`is_protected`].
pub fn open_status<'r>(
    tree: &[Directive],
    host: Option<&(String, u32)>,
    settings: &ServerSettings,
    rules: &'r [Arc<Rule>],
    workers: &WorkersConfig,
) -> Vec<&'r Rule> {
    if settings.status_loopback == Some(true) {
        return Vec::new();
    }
    let is_open = |rule: &&Rule| {
        let kind = workers.workers.get(&*rule.worker).map(|worker| &worker.kind);
        let Some(WorkerKind::Status(status)) = kind else { return false };
        let is_mount = !rule.is_exclusion && !rule.is_disabled;
        let pattern = text::decode(&rule.pattern);
        is_mount && status.users.is_empty() && !is_protected(tree, host, &pattern)
    };
    rules.iter().map(|rule| &**rule).filter(is_open).collect()
}

/// Says so, with what can be done.
pub fn warning(rule: &Rule, is_strict: bool) -> Diagnostic {
    let (worker, pattern) = (&rule.worker, text::decode(&rule.pattern));
    let text = format!(
        "every client that can reach {pattern:?} can use status worker \"{worker}\" and may change \
         members: protect it with <Location> and Require, with worker.{worker}.user, or with \
         JkStatusLoopback On"
    );
    match is_strict {
        true => Diagnostic::error(&rule.origin, text),
        false => Diagnostic::warning(&rule.origin, text),
    }
}

/// Tells whether something keeps strangers from the paths of `pattern`, a rule's pattern. `host` is
/// file and line of the virtual host the rule is for, `None` for the main server.
pub fn is_protected(tree: &[Directive], host: Option<&(String, u32)>, pattern: &str) -> bool {
    let hosts = || tree.iter().filter(|one| one.is("<VirtualHost"));
    let own = host.and_then(|place| hosts().find(|one| one.place == *place));
    if only_loopback(tree, own) {
        return true;
    }
    let sections = tree.iter().chain(own.iter().flat_map(|host| &host.children));
    let mut wanted = sections.filter(|one| !one.is("<VirtualHost"));
    wanted.any(|one| protects(one, pattern))
}

/// Listens on this machine's own addresses only; a name may be any address.
fn only_loopback(tree: &[Directive], host: Option<&Directive>) -> bool {
    let is_loopback = |address: &str| {
        let name = match address.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => address.rsplit_once(':').map_or("", |(name, _)| name),
        };
        name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    if let Some(host) = host {
        let mut addresses = host.args.trim_end_matches('>').split_whitespace().peekable();
        if addresses.peek().is_some() && addresses.all(is_loopback) {
            return true;
        }
    }
    let mut listens = tree.iter().filter(|one| one.is("Listen")).peekable();
    listens.peek().is_some()
        && listens.all(|one| one.args.split_whitespace().next().is_some_and(is_loopback))
}

fn protects(section: &Directive, pattern: &str) -> bool {
    let args = section.args.trim().trim_end_matches('>').trim();
    let covers = match section.name.trim_end_matches('>').to_ascii_lowercase().as_str() {
        "<location" => match args.strip_prefix('~') {
            Some(regex) => may_match(regex, pattern),
            None => is_below(args.trim_matches('"'), pattern),
        },
        "<locationmatch" | "<if" | "<elseif" | "<else" => may_match(args, pattern),
        // For a whole server.
        "sslverifyclient" => return args.eq_ignore_ascii_case("require"),
        _ => false,
    };
    covers
        && (restricts(&section.children)
            || section.children.iter().any(|one| protects(one, pattern)))
}

/// Tells whether every path of the pattern lies below a location.
fn is_below(location: &str, pattern: &str) -> bool {
    if location.contains(['*', '?', '[']) {
        return may_match(location, pattern);
    }
    let fixed = pattern.split(['*', '?']).next().unwrap_or_default();
    let location = location.trim_end_matches('/');
    fixed.strip_prefix(location).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Guesses whether a regular expression may match: one of its words stands in the pattern, or it
/// has none.
fn may_match(regex: &str, pattern: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let words = regex.split(|c| !is_word(c)).filter(|word| word.len() > 2);
    let mut words = words.filter(|word| !word.starts_with("REQUEST_")).peekable();
    words.peek().is_none() || words.any(|word| pattern.contains(word))
}

/// Tells whether a section lets only some people in.
fn restricts(children: &[Directive]) -> bool {
    let all = |one: &Directive, words: &str| {
        let own: Vec<_> = one.args.split_whitespace().map(str::to_ascii_lowercase).collect();
        own.join(" ") == words
    };
    let allows_all = || children.iter().any(|one| one.is("Allow") && all(one, "from all"));
    children.iter().any(|one| match one.name.trim_end_matches('>').to_ascii_lowercase().as_str() {
        "require" => !all(one, "all granted"),
        "deny" => true,
        "order" => !allows_all() && !one.args.replace(' ', "").eq_ignore_ascii_case("deny,allow"),
        "sslrequire" => true,
        "sslverifyclient" => all(one, "require"),
        "<requireall" | "<requireany" | "<requirenone" | "<limit" | "<limitexcept" => {
            restricts(&one.children)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads httpd's format as far as these tests need it.
    fn read(text: &str) -> Vec<Directive> {
        let mut open = vec![Vec::new()];
        for (line, text) in text.lines().map(str::trim).enumerate() {
            if text.starts_with("</") {
                let children = open.pop().expect("a section");
                let all: &mut Vec<Directive> = open.last_mut().expect("a level");
                all.last_mut().expect("its head").children = children;
                continue;
            }
            let (name, args) = text.split_once(' ').unwrap_or((text, ""));
            let place = ("httpd.conf".to_owned(), line as u32 + 1);
            let one = Directive {
                name: name.to_owned(),
                args: args.to_owned(),
                place,
                ..Directive::default()
            };
            open.last_mut().expect("a level").push(one);
            if name.starts_with('<') {
                open.push(Vec::new());
            }
        }
        open.pop().expect("all sections are closed")
    }

    #[test]
    fn sections_protect_the_paths_below_them() {
        let location =
            |inner: &str| format!("Listen 80\n<Location /jkstatus>\n{inner}\n</Location>");
        let cases: &[(&str, String, &str, bool)] = &[
            ("nothing", "Listen 80".to_owned(), "/jkstatus", false),
            ("address", location("Require ip 10.0.0.0/8"), "/jkstatus", true),
            ("user", location("Require valid-user"), "/jkstatus/*", true),
            ("granted", location("Require all  granted"), "/jkstatus", false),
            ("denied", location("Require all denied"), "/jkstatus", true),
            ("nested", location("<RequireAny>\nRequire local\n</RequireAny>"), "/jkstatus", true),
            ("old", location("Order deny,allow\nDeny from all"), "/jkstatus", true),
            ("old and closed", location("Order allow,deny"), "/jkstatus", true),
            ("old and open", location("Order allow,deny\nAllow from all"), "/jkstatus", false),
            ("only below", location("Require local"), "/jkstatus*", true),
            ("elsewhere", location("Require local"), "/jkmanager", false),
            ("longer name", location("Require local"), "/jkstatus2", false),
            ("directory", "<Directory />\nRequire local\n</Directory>".to_owned(), "/s", false),
            ("root", "<Location />\nRequire local\n</Location>".to_owned(), "/s", true),
            (
                "regular expression",
                "<LocationMatch \"^/(jkstatus|x)\">\nRequire local\n</LocationMatch>".to_owned(),
                "/jkstatus",
                true,
            ),
            (
                "another one",
                "<LocationMatch \"^/private/\">\nRequire local\n</LocationMatch>".to_owned(),
                "/jkstatus",
                false,
            ),
            ("this machine", "Listen 127.0.0.1:80\nListen [::1]:80".to_owned(), "/s", true),
            ("one of two", "Listen 127.0.0.1:80\nListen 81".to_owned(), "/s", false),
        ];
        for (name, text, pattern, expected) in cases {
            assert_eq!(is_protected(&read(text), None, pattern), *expected, "case: {name}");
        }
    }

    #[test]
    fn virtual_hosts_have_sections_of_their_own() {
        let text = "Listen 80\n<VirtualHost *:80>\n<Location /a>\nRequire local\n</Location>\n\
                    </VirtualHost>\n<VirtualHost 127.0.0.1:80>\n</VirtualHost>";
        let tree = read(text);
        let host = |line| Some(("httpd.conf".to_owned(), line));
        for (place, expected) in [(host(2), true), (host(7), true), (None, false)] {
            assert_eq!(is_protected(&tree, place.as_ref(), "/a"), expected, "{place:?}");
        }
    }
}
