//! Whom to log in as, and the password: from a file, the environment, `~/.netrc`, or a prompt; never from
//! the command line, which every user of the machine can read.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine};
use mod_jk::text;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::cli::server::ServerArgs;
use crate::disk;

/// Whether the user may be asked and warned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    Silent,
    Talking,
}

/// Returns the header for Basic authentication, if a user is known.
pub fn authorization(
    server: &ServerArgs,
    url: &str,
    manners: Manners,
) -> Result<Option<String>, String> {
    let host = host_of(url);
    if server.user.as_ref().is_some_and(|user| user.contains(':')) {
        return Err(
            "--user takes the name alone: give the password with --password-file, JKCTL_PASSWORD, ~/.netrc, or when asked"
                .to_owned(),
        );
    }
    let given = std::env::var("JKCTL_PASSWORD").ok();
    let found = match (&server.user, &server.password_file, given) {
        (Some(user), Some(file), _) => Some((user.clone(), disk::first_line(file)?)),
        (None, Some(_), _) => None,
        (Some(user), None, Some(password)) => Some((user.clone(), password)),
        (user, None, _) => {
            match (from_netrc(server.netrc.as_deref(), host, user.as_deref())?, user) {
                (Some(found), _) => Some(found),
                (None, Some(_)) if manners == Manners::Silent => None,
                (None, Some(user)) => Some((user.clone(), ask(user, host)?)),
                (None, None) => None,
            }
        }
    };
    Ok(found.map(|(user, password)| {
        if manners == Manners::Talking && url.starts_with("http:") && !is_own(host) {
            eprintln!(
                "jkctl: warning: the password of {user} goes to {host} unencrypted: give an https URL"
            );
        }
        format!("Basic {}", BASE64_STANDARD.encode(text::raw(&format!("{user}:{password}"))))
    }))
}

/// Tells whether a host is this machine, as far as its name says.
fn is_own(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<std::net::IpAddr>();
    address.map_or_else(|_| bare == "localhost", |own| own.to_canonical().is_loopback())
}

/// Asks on the terminal, without showing what is typed.
fn ask(user: &str, host: &str) -> Result<String, String> {
    let none = || {
        format!(
            "no password for {user}: give --password-file, JKCTL_PASSWORD, or a line for {host} in ~/.netrc"
        )
    };
    let terminal = File::options().read(true).write(true).open("/dev/tty").map_err(|_| none())?;
    let mut io = &terminal;
    let silent = SilentTerminal::begin(&terminal).ok_or_else(none)?;
    let _ = write!(io, "Password of {user} at {host}: ").and_then(|()| io.flush());
    let (mut typed, mut byte) = (Vec::new(), [0]);
    let password = loop {
        match io.read(&mut byte) {
            Ok(1) => {}
            _ => break None,
        }
        match byte[0] {
            b'\n' | b'\r' => break Some(typed),
            // Ctrl-C and Ctrl-D, which the terminal does not act on now.
            0x03 | 0x04 => break None,
            0x7f | 0x08 => drop(typed.pop()),
            byte => typed.push(byte),
        }
    };
    drop(silent);
    let _ = io.write_all(b"\n");
    password
        .map(|own| text::owned(&own))
        .ok_or_else(|| format!("no password of {user} was given; nothing was asked of httpd"))
}

/// A terminal that shows nothing of what is typed; dropped, it is as it was.
struct SilentTerminal<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> SilentTerminal<'t> {
    fn begin(terminal: &'t File) -> Option<Self> {
        let before = tcgetattr(terminal).ok()?;
        let mut silent = before.clone();
        // Keys come one by one, and none ends the program while nothing is shown.
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(terminal, OptionalActions::Flush, &silent).ok()?;
        Some(Self { terminal, before })
    }
}

impl Drop for SilentTerminal<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Looks a host up in `~/.netrc` or the file given; only the latter must exist.
fn from_netrc(
    given: Option<&Path>,
    host: &str,
    user: Option<&str>,
) -> Result<Option<(String, String)>, String> {
    let usual = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".netrc"));
    let Some(path) = given.map(Path::to_path_buf).or(usual) else { return Ok(None) };
    match fs::read_to_string(&path) {
        Ok(text) => Ok(entry(&text, host, user)),
        Err(_) if given.is_none() => Ok(None),
        Err(why) => Err(format!("{}: {}", path.display(), disk::reason(&why))),
    }
}

/// Finds user and password of a host among `machine … login … password …` and `default`.
fn entry(text: &str, host: &str, user: Option<&str>) -> Option<(String, String)> {
    let lines = text.lines().map(|line| {
        line.split_once('#').map_or(line, |(before, _)| match before.is_empty() {
            true => "",
            false => line,
        })
    });
    let mut words = lines.flat_map(str::split_whitespace);
    let (mut is_meant, mut login, mut password) = (false, None, None);
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" => {
                if let (true, Some(login), Some(password)) = (is_meant, login, password) {
                    return Some((login, password));
                }
                is_meant = word == "default" || words.next() == Some(host);
                (login, password) = (None, None);
            }
            "login" => {
                login = words.next().map(str::to_owned);
                is_meant &= user.is_none_or(|own| login.as_deref() == Some(own));
            }
            "password" => password = words.next().map(str::to_owned),
            _ => {}
        }
    }
    (is_meant).then_some(())?;
    Some((login?, password?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netrc() {
        let text = "# a comment\nmachine a login u1 password p#1\nmachine b\n  login u2\n  password p2\n\
                    machine b login u3 password p3\ndefault login any password p4\n";
        let cases = [
            ("a", None, Some(("u1", "p#1"))),
            ("b", None, Some(("u2", "p2"))),
            ("b", Some("u3"), Some(("u3", "p3"))),
            ("c", None, Some(("any", "p4"))),
            ("c", Some("u9"), None),
        ];
        for (host, user, expected) in cases {
            let expected = expected.map(|(user, password)| (user.to_owned(), password.to_owned()));
            assert_eq!(entry(text, host, user), expected, "{host} {user:?}");
        }
    }

    #[test]
    fn hosts() {
        for (url, host) in [
            ("http://h:1/x", "h"),
            ("http://h/x", "h"),
            ("http://[::1]:80/x", "[::1]"),
            ("http://[::1]/", "[::1]"),
        ] {
            assert_eq!(host_of(url), host);
        }
        for (host, expected) in [
            ("localhost", true),
            ("127.0.0.9", true),
            ("[::1]", true),
            ("10.0.0.1", false),
            ("h", false),
        ] {
            assert_eq!(is_own(host), expected, "{host}");
        }
    }
}
