//! Man pages and completions, from the table of arguments.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::Shell;
use clap_complete::env::Shells;
use clap_mangen::Man;

use crate::cli::command;
use crate::output::Printer;
use crate::{CommandResult, WELL};

/// Prints the completions of a shell: lines by which it asks this program while the user types.
pub fn completion(shell: Shell, output: Printer) -> CommandResult {
    is_text(output)?;
    let shells = Shells::builtins();
    let name = shell.to_string();
    let known =
        shells.completer(&name).ok_or_else(|| format!("{name}: no completions for this shell"))?;
    let mut text = Vec::new();
    known
        .write_registration(COMPLETION_VARIABLE, "jkctl", "jkctl", "jkctl", &mut text)
        .map_err(|why| format!("the completions of {name}: {why}"))?;
    text.extend(match shell {
        Shell::Bash => BASH_WHOLE_URLS.bytes(),
        Shell::Zsh => ZSH_FIRST_CALL.bytes(),
        _ => "".bytes(),
    });
    io::stdout().write_all(&text).map_err(|why| format!("the standard output: {why}"))?;
    Ok(WELL)
}

/// Set by these lines when they ask.
pub const COMPLETION_VARIABLE: &str = "JKCTL_COMPLETE";

/// bash ends words at colons, so that a URL would be several arguments: those before the cursor are put
/// together first.
const BASH_WHOLE_URLS: &str = r#"
_jkctl() {
    local whole=() place cursor=0 glue=
    for place in "${!COMP_WORDS[@]}"; do
        if (( ${#whole[@]} > 0 && place != COMP_CWORD )) && [[ -n $glue || ${COMP_WORDS[place]} == : ]]; then
            whole[${#whole[@]}-1]+=${COMP_WORDS[place]}
        else
            whole+=("${COMP_WORDS[place]}")
        fi
        if [[ ${COMP_WORDS[place]} == : ]]; then glue=yes; else glue=; fi
        if (( place == COMP_CWORD )); then cursor=$(( ${#whole[@]} - 1 )); fi
    done
    local COMP_WORDS=("${whole[@]}") COMP_CWORD=$cursor
    _clap_complete_jkctl "$@"
}
complete -o nospace -o bashdefault -F _jkctl jkctl
"#;

/// Loaded from zsh's directory of functions, the file is the body of the function that is called first.
const ZSH_FIRST_CALL: &str =
    "if [ \"$funcstack[1]\" = _jkctl ]; then _clap_dynamic_completer_jkctl \"$@\"; fi\n";

/// Prints the man page of the whole, or writes that of each command into a directory.
pub fn man(directory: Option<&Path>, output: Printer) -> CommandResult {
    is_text(output)?;
    let mut whole = command().disable_help_subcommand(true);
    whole.build();
    let Some(directory) = directory else {
        let text = page(&whole, "jkctl").map_err(|why| format!("the man page: {why}"))?;
        io::stdout().write_all(&text).map_err(|why| format!("the standard output: {why}"))?;
        return Ok(WELL);
    };
    let failed = |why: io::Error| format!("{}: {why}", directory.display());
    fs::create_dir_all(directory).map_err(failed)?;
    for own in std::iter::once(&whole).chain(whole.get_subcommands()) {
        let name = own.get_bin_name().unwrap_or("jkctl").replace(' ', "-");
        let text = page(own, &name).map_err(failed)?;
        fs::write(directory.join(format!("{name}.1")), text).map_err(failed)?;
    }
    Ok(WELL)
}

/// Scripts and man pages have formats of their own.
fn is_text(output: Printer) -> Result<(), String> {
    match output.is_json() {
        true => Err("this is written for other programs as it is: leave -o json out".to_owned()),
        false => Ok(()),
    }
}

/// Renders one page. What follows the options in the long help becomes sections of its own.
fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let version = concat!("mod_jk ", env!("CARGO_PKG_VERSION"));
    let notes = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.clone()).title(name).section("1").source(version).manual("jkctl");
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    text.extend(sections(&notes).bytes());
    let last = if command.has_subcommands() { LAST_OF_ALL } else { LAST_OF_ONE };
    text.extend(sections(last).bytes());
    Ok(text)
}

/// Turns paragraphs into roff: `Title:` begins a section, indented lines stay as they are.
fn sections(text: &str) -> String {
    let mut out = String::new();
    let mut has_title = false;
    for paragraph in text.split("\n\n").filter(|own| !own.trim().is_empty()) {
        let (first, rest) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
        let body = match first.strip_suffix(':') {
            Some(title) => {
                out.push_str(&format!(".SH \"{}\"\n", title.to_uppercase()));
                rest
            }
            None => {
                out.push_str(if has_title { ".PP\n" } else { ".SH NOTES\n" });
                paragraph
            }
        };
        has_title = true;
        let is_table = body.starts_with(' ');
        out.push_str(if is_table { ".nf\n" } else { "" });
        for line in body.lines() {
            let line = line.replace('\\', "\\e").replace('-', "\\-");
            // Or a dot at its beginning would be a command.
            out.push_str(&format!("\\&{line}\n"));
        }
        out.push_str(if is_table { ".fi\n" } else { "" });
    }
    out
}

const LAST_OF_ALL: &str = "\
Environment:
  JKCTL_URL       URL of the status worker, instead of --url
  JKCTL_USER      user for it, instead of --user
  JKCTL_PASSWORD  that user's password
  NO_COLOR        if set, text is not coloured
  SSL_CERT_FILE   certificates of authorities for https, instead of those of this machine

Files:
  ~/.netrc    user and password for the host of the status worker

See also:
apachectl(8), and docs/jkctl.md of mod_jk";

const LAST_OF_ONE: &str = "\
See also:
jkctl(1), which has the exit codes";
