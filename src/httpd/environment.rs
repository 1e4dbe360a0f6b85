//! The variables of a request's environment that mean something to us, found in one pass over it:
//! most requests have few variables or none, and looking for each of ours costs more than that.

use std::ffi::{CStr, CString};

use super::request::{Request, Table};
use crate::config::ServerSettings;

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
const SOURCES: [Source; 22] = [
    Source::Directive("JkWorkerIndicator"),
    Source::Directive("JkRemoteAddrIndicator"),
    Source::Directive("JkRemotePortIndicator"),
    Source::Directive("JkRemoteHostIndicator"),
    Source::Directive("JkRemoteUserIndicator"),
    Source::Directive("JkAuthTypeIndicator"),
    Source::Directive("JkLocalNameIndicator"),
    Source::Directive("JkLocalAddrIndicator"),
    Source::Directive("JkLocalPortIndicator"),
    Source::Directive("JkIgnoreCLIndicator"),
    Source::Directive("JkHTTPSIndicator"),
    Source::Directive("JkSSLPROTOCOLIndicator"),
    Source::Directive("JkCERTSIndicator"),
    Source::Directive("JkCIPHERIndicator"),
    Source::Directive("JkSESSIONIndicator"),
    Source::Directive("JkKEYSIZEIndicator"),
    Source::Directive("JkCERTCHAINPrefix"),
    Source::Fixed("no-jk"),
    Source::Fixed("JK_REPLY_TIMEOUT"),
    Source::Fixed("JK_ROUTE"),
    Source::Fixed("JK_STATELESS"),
    Source::Fixed("JK_STICKY_IGNORE"),
];

const COUNT: usize = SOURCES.len();
const _: () = assert!(Variable::StickyIgnore as usize + 1 == COUNT);

enum Source {
    Directive(&'static str),
    Fixed(&'static str),
}

/// The names one server gives to the variables.
#[derive(Debug)]
pub struct Names {
    names: [CString; COUNT],
    /// Which bytes, letters in lower case, a name begins with.
    firsts: [bool; 256],
    /// The one that holds the request id; it is read only when a line is written.
    pub request_id: CString,
}

impl Names {
    /// Collects the names.
    pub fn new(settings: &ServerSettings) -> Self {
        let names = SOURCES.each_ref().map(|source| {
            let name = match source {
                Source::Directive(directive) => settings.indicator(directive),
                Source::Fixed(name) => name,
            };
            CString::new(name).unwrap_or_default()
        });
        let mut firsts = [false; 256];
        for first in names.iter().filter_map(|name| name.to_bytes().first()) {
            firsts[usize::from(first.to_ascii_lowercase())] = true;
        }
        let request_id =
            CString::new(settings.indicator("JkRequestIdIndicator")).unwrap_or_default();
        Self { names, firsts, request_id }
    }

    /// Returns the name of a variable.
    pub fn of(&self, variable: Variable) -> &CStr {
        &self.names[variable as usize]
    }
}

/// The values in one request, as they stand when its handler begins.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'r> {
    /// Most requests have none.
    values: Option<&'r Values<'r>>,
}

type Values<'r> = [Option<&'r [u8]>; COUNT];

impl<'r> Environment<'r> {
    /// Reads the environment. Where a name is there twice, the first one counts, as for httpd.
    pub fn read(request: &Request<'r>, names: &Names) -> Self {
        let mut values: Option<Values<'r>> = None;
        for (key, value) in request.entries(Table::Environment) {
            let first = key.first().map_or(0, u8::to_ascii_lowercase);
            if !names.firsts[usize::from(first)] {
                continue;
            }
            for (place, name) in names.names.iter().enumerate() {
                if name.to_bytes().eq_ignore_ascii_case(key) {
                    values.get_or_insert([None; COUNT])[place].get_or_insert(value);
                }
            }
        }
        Self { values: values.map(|values| request.place(values)) }
    }

    /// Returns the value of a variable.
    #[inline]
    pub fn get(&self, variable: Variable) -> Option<&'r [u8]> {
        self.values?[variable as usize]
    }
}
