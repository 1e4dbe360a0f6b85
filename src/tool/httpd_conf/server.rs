//! The main server or a virtual host, and which of them a request is for.

use crate::config::Origin;
use crate::config::ServerSettings;
use crate::tool::httpd_conf::Conf;
use crate::tool::request_target::EncodedSlashes;
use crate::uri_map::pattern::matches;

/// One server.
#[derive(Clone, Debug, Default)]
pub struct ConfServer {
    /// `ServerName`, without a port.
    pub name: Option<String>,
    /// `ServerAlias`.
    pub aliases: Vec<String>,
    /// The words of `<VirtualHost …>`; empty for the main server.
    pub addresses: Vec<String>,
    /// Where `<VirtualHost>` stands.
    pub origin: Origin,
    /// What the Jk directives say.
    pub settings: ServerSettings,
    /// `AllowEncodedSlashes`.
    pub encoded_slashes: Option<EncodedSlashes>,
    /// `MergeSlashes`.
    pub merge_slashes: Option<bool>,
}

/// Which server a host name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerChoice {
    /// One that is named like this.
    Named(usize),
    /// None is: httpd takes the first virtual host of the address.
    First(usize),
    /// There are no virtual hosts for it, so the main server serves.
    Main,
}

impl ServerChoice {
    /// Returns the server's place.
    pub fn place(self) -> usize {
        match self {
            Self::Named(place) | Self::First(place) => place,
            Self::Main => 0,
        }
    }
}

impl ConfServer {
    /// Takes a directive that tells which requests come here, and how.
    pub(super) fn note(&mut self, directive: &str, words: &[String]) {
        let first = words.first().map_or("", String::as_str);
        match directive.to_ascii_lowercase().as_str() {
            "servername" => self.name = Some(host_of(first).to_owned()),
            "serveralias" => self.aliases.extend(words.iter().cloned()),
            "allowencodedslashes" => self.encoded_slashes = EncodedSlashes::from_word(first),
            "mergeslashes" => self.merge_slashes = Some(first.eq_ignore_ascii_case("on")),
            _ => {}
        }
    }

    /// Names the server for people.
    pub fn label(&self) -> String {
        let name = self.name.as_deref().unwrap_or("without ServerName");
        match self.addresses.is_empty() {
            true => "main server".to_owned(),
            false => format!("virtual host {name} ({}, {})", self.addresses.join(" "), self.origin),
        }
    }

    /// Returns `name:port` as httpd names a virtual host.
    pub(super) fn address(&self) -> String {
        let first = self.addresses.first().and_then(|own| own.rsplit_once(':'));
        let port = first.map_or("0", |(_, port)| port);
        format!("{}:{port}", self.name.as_deref().unwrap_or_default())
    }

    fn is_named(&self, host: &str) -> bool {
        let names = self.name.iter().chain(&self.aliases);
        let host = host.to_ascii_lowercase();
        let is_it = |own: &String| matches(own.to_ascii_lowercase().as_bytes(), host.as_bytes());
        names.into_iter().any(is_it)
    }

    fn listens_on(&self, port: Option<&str>) -> bool {
        self.addresses.iter().any(|address| {
            let own = address.rsplit_once(':').map(|(_, own)| own).filter(|own| !own.contains(']'));
            match (own, port) {
                (None | Some("*"), _) | (_, None) => true,
                (Some(own), Some(port)) => own == port,
            }
        })
    }
}

impl Conf {
    /// Finds the server for `host` or `host:port`; without a port, that of any port.
    pub fn server_for(&self, host: &str) -> ServerChoice {
        let port = host.strip_prefix(host_of(host)).and_then(|rest| rest.strip_prefix(':'));
        let host = host_of(host);
        let places = 1..self.servers.len();
        let mut open = places.filter(|place| self.servers[*place].listens_on(port));
        match open.clone().find(|place| self.servers[*place].is_named(host)) {
            Some(place) => ServerChoice::Named(place),
            None => open.next().map_or(ServerChoice::Main, ServerChoice::First),
        }
    }
}

/// Cuts scheme and port.
fn host_of(name: &str) -> &str {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => name,
    }
}
