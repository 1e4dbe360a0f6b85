//! The variables of a request's environment that mean something to us, and their names.

use std::ffi::{CStr, CString};

use crate::config::ServerSettings;
use crate::text;

/// A variable that is read. Most of them a directive can rename.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the table below says what they are
pub enum Variable {
    Worker,
    RemoteAddr,
    RemotePort,
    RemoteHost,
    RemoteUser,
    AuthType,
    LocalName,
    LocalAddr,
    LocalPort,
    IgnoreLength,
    Https,
    SslProtocol,
    Certificate,
    Cipher,
    Session,
    KeySize,
    ChainPrefix,
    NoJk,
    ReplyTimeout,
    Route,
    Stateless,
    StickyIgnore,
}

/// Where the name of each variable comes from, in the order of [`Variable`].
const SOURCES: [ValueSource; 22] = [
    ValueSource::Directive("JkWorkerIndicator"),
    ValueSource::Directive("JkRemoteAddrIndicator"),
    ValueSource::Directive("JkRemotePortIndicator"),
    ValueSource::Directive("JkRemoteHostIndicator"),
    ValueSource::Directive("JkRemoteUserIndicator"),
    ValueSource::Directive("JkAuthTypeIndicator"),
    ValueSource::Directive("JkLocalNameIndicator"),
    ValueSource::Directive("JkLocalAddrIndicator"),
    ValueSource::Directive("JkLocalPortIndicator"),
    ValueSource::Directive("JkIgnoreCLIndicator"),
    ValueSource::Directive("JkHTTPSIndicator"),
    ValueSource::Directive("JkSSLPROTOCOLIndicator"),
    ValueSource::Directive("JkCERTSIndicator"),
    ValueSource::Directive("JkCIPHERIndicator"),
    ValueSource::Directive("JkSESSIONIndicator"),
    ValueSource::Directive("JkKEYSIZEIndicator"),
    ValueSource::Directive("JkCERTCHAINPrefix"),
    ValueSource::Fixed("no-jk"),
    ValueSource::Fixed("JK_REPLY_TIMEOUT"),
    ValueSource::Fixed("JK_ROUTE"),
    ValueSource::Fixed("JK_STATELESS"),
    ValueSource::Fixed("JK_STICKY_IGNORE"),
];

/// How many variables there are.
pub(super) const COUNT: usize = SOURCES.len();
const _: () = assert!(Variable::StickyIgnore as usize + 1 == COUNT);

enum ValueSource {
    Directive(&'static str),
    Fixed(&'static str),
}

/// The names one server gives to the variables.
#[derive(Debug)]
pub struct VariableNames {
    pub(super) names: [CString; COUNT],
    /// Which bytes, letters in lower case, a name begins with.
    pub(super) firsts: [bool; 256],
    /// The one that holds the request id; it is read only when a line is written.
    pub request_id: CString,
}

impl VariableNames {
    /// Collects the names.
    pub fn new(settings: &ServerSettings) -> Self {
        let names = SOURCES.each_ref().map(|source| {
            let name = match source {
                ValueSource::Directive(directive) => settings.indicator(directive),
                ValueSource::Fixed(name) => name,
            };
            CString::new(text::raw(name)).unwrap_or_default()
        });
        let mut firsts = [false; 256];
        for first in names.iter().filter_map(|name| name.to_bytes().first()) {
            firsts[usize::from(first.to_ascii_lowercase())] = true;
        }
        let request_id =
            CString::new(text::raw(settings.indicator("JkRequestIdIndicator"))).unwrap_or_default();
        Self { names, firsts, request_id }
    }

    /// Returns the name of a variable.
    pub fn of(&self, variable: Variable) -> &CStr {
        &self.names[variable as usize]
    }
}
