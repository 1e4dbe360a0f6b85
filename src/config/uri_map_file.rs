//! The text of a mount file, usually uriworkermap.properties, as rules.

use std::sync::Arc;

use super::error::{Diagnostic, Origin};
use crate::uri_map::{Rule, Source, split};

/// Reads a mount file. A bad line is reported and left out; the others count.
pub fn read(
    text: &str,
    file: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> (Vec<Rule>, Vec<Diagnostic>) {
    let (mut rules, mut problems) = (Vec::<(String, u32, Vec<Rule>)>::new(), Vec::new());
    let file: Arc<str> = file.into();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let origin = Origin { file: Arc::clone(&file), line: index as u32 + 1 };
        let bare = line.split('#').next().unwrap_or(line).trim();
        if bare.is_empty() {
            continue;
        }
        let Some((pattern, worker)) = bare.split_once('=') else {
            let text = format!("line ignored: \"{bare}\" has no =, expected pattern=worker");
            problems.push(Diagnostic::warning(&origin, text));
            continue;
        };
        let (pattern, worker) = (pattern.trim(), substitute(worker.trim(), environment));
        match split(pattern, &worker, Source::MountFile, &origin.to_string()) {
            Ok((made, warnings)) => {
                problems
                    .extend(warnings.into_iter().map(|text| Diagnostic::warning(&origin, text)));
                // A later line replaces an earlier one of the same pattern at its place.
                match rules.iter_mut().find(|(earlier, ..)| earlier == pattern) {
                    Some((_, line, earlier)) => {
                        let text = format!("pattern \"{pattern}\" replaces that of line {line}");
                        problems.push(Diagnostic::warning(&origin, text));
                        (*line, *earlier) = (origin.line, made);
                    }
                    None => rules.push((pattern.to_owned(), origin.line, made)),
                }
            }
            Err(text) => problems.push(Diagnostic::warning(&origin, text)),
        }
    }
    (rules.into_iter().flat_map(|(_, _, made)| made).collect(), problems)
}

/// Replaces `$(NAME)` by a variable of the environment; an unknown one stays.
fn substitute(value: &str, environment: &dyn Fn(&str) -> Option<String>) -> String {
    let (mut done, mut rest) = (String::new(), value);
    while let Some((before, behind)) = rest.split_once("$(") {
        done.push_str(before);
        match behind.split_once(')').and_then(|(name, after)| Some((environment(name)?, after))) {
            Some((found, after)) => {
                done.push_str(&found);
                rest = after;
            }
            None => {
                done.push_str("$(");
                rest = behind;
            }
        }
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s2_lines() {
        let text =
            "\u{feff}# comment\r\n /a/* = w1 # tail\r\n\r\nbad\r\n!!/x=w1\r\n/a/*=$(W)\r\n/b=";
        let environment = |name: &str| (name == "W").then(|| "w2".to_owned());
        let (rules, problems) = read(text, "map", &environment);
        let got: Vec<_> = rules.iter().map(|rule| (&*rule.pattern, &*rule.worker)).collect();
        assert_eq!(got, [("/a/*", "w2")]);
        let got: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            got,
            [
                "map:4: line ignored: \"bad\" has no =, expected pattern=worker",
                "map:5: invalid pattern \"!!/x\", expected / behind an optional - and !",
                "map:6: pattern \"/a/*\" replaces that of line 2",
                "map:7: pattern \"/b\" names no worker",
            ]
        );
    }
}
