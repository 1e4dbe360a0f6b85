//! Directives of httpd.conf.

/// How httpd splits a directive's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// One word.
    One,
    /// One word or two.
    OneOrTwo,
    /// The rest of the line as it stands.
    Raw,
}

/// Where a directive may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Outside of VirtualHost only.
    Global,
    /// In the main server and in VirtualHost.
    Server,
    /// There, and inside Location and Directory.
    Section,
}

/// One directive.
#[derive(Debug)]
pub struct DirectiveRow {
    /// Its name.
    pub name: &'static str,
    /// How httpd splits its words.
    pub arity: Arity,
    /// Where it may stand.
    pub place: Place,
    /// What stands behind its name.
    pub syntax: &'static str,
    /// What counts if it is not given.
    pub default: &'static str,
    /// First version that has it.
    pub since: &'static str,
    /// What it does, in the words `httpd -L` prints.
    pub doc: &'static str,
}

const fn row(
    name: &'static str,
    arity: Arity,
    place: Place,
    syntax: &'static str,
    default: &'static str,
    since: &'static str,
    doc: &'static str,
) -> DirectiveRow {
    DirectiveRow { name, arity, place, syntax, default, since, doc }
}

use Arity::{One, OneOrTwo, Raw};
use Place::{Global, Section, Server};

/// All directives.
#[rustfmt::skip]
pub const DIRECTIVES: &[DirectiveRow] = &[
    row("JkWorkersFile", One, Global, "file", "a worker ajp13 at localhost:8009", "1.2.0", "File with the workers' properties"),
    row("JkWorkerProperty", Raw, Global, "name=value", "none", "1.2.7", "One line of a workers file"),
    row("JkShmFile", One, Global, "file", "none", "1.2.9", "Accepted without effect: the shared memory needs no file"),
    row("JkShmSize", One, Global, "kilobytes", "computed", "1.2.9", "Accepted without effect: the size is computed"),
    row("JkMountFile", One, Server, "file", "none", "1.2.9", "File with mount rules"),
    row("JkMountFileReload", One, Server, "seconds", "60", "1.2.20", "Seconds between looks at the mount file"),
    row("JkMount", OneOrTwo, Section, "[pattern] worker[;extension=value…]", "none", "1.2.0", "URI pattern and worker"),
    row("JkUnMount", OneOrTwo, Section, "[pattern] worker", "none", "1.2.7", "URI pattern and worker to exclude"),
    row("JkMountCopy", One, Server, "On|Off|All", "Off", "1.2.0", "On, Off or All: whether virtual hosts get the main mounts"),
    row("JkAutoAlias", One, Server, "directory", "none", "1.2.3", "Directory of web applications to serve static files from"),
    row("JkStripSession", OneOrTwo, Server, "On|Off [parameter]", "Off ;jsessionid", "1.2.21", "On or Off, and the path parameter to strip"),
    row("JkLogFile", One, Server, "file or |program", "httpd's error log", "1.2.0", "Log file or |program"),
    row("JkLogLevel", One, Server, "level", "info", "1.2.0", "trace, debug, info, warn, error or emerg"),
    row("JkLogStampFormat", One, Server, "format", "[%a %b %d %H:%M:%S.%Q %Y] and a blank", "1.2.0", "strftime format of the time stamp, with %Q or %q"),
    row("JkLogFormat", One, Server, "Text|JSON", "Text", "2.0.0", "Text or JSON: the shape of lines in JkLogFile"),
    row("JkRequestLogFormat", One, Server, "format", "none", "1.2.1", "Format of the request log lines"),
    row("JkWorkerIndicator", One, Server, "variable", "JK_WORKER_NAME", "1.2.19", "Variable that names the worker"),
    row("JkRequestIdIndicator", One, Server, "variable", "UNIQUE_ID", "1.2.49", "Variable that holds the request id"),
    row("JkRemoteAddrIndicator", One, Server, "variable", "JK_REMOTE_ADDR", "1.2.28", "Variable for the client's address"),
    row("JkRemotePortIndicator", One, Server, "variable", "JK_REMOTE_PORT", "1.2.32", "Variable for the client's port"),
    row("JkRemoteHostIndicator", One, Server, "variable", "JK_REMOTE_HOST", "1.2.28", "Variable for the client's host name"),
    row("JkRemoteUserIndicator", One, Server, "variable", "JK_REMOTE_USER", "1.2.28", "Variable for the user"),
    row("JkAuthTypeIndicator", One, Server, "variable", "JK_AUTH_TYPE", "1.2.28", "Variable for the authentication type"),
    row("JkLocalNameIndicator", One, Server, "variable", "JK_LOCAL_NAME", "1.2.28", "Variable for the server's name"),
    row("JkLocalAddrIndicator", One, Server, "variable", "JK_LOCAL_ADDR", "1.2.41", "Variable for the server's address"),
    row("JkLocalPortIndicator", One, Server, "variable", "JK_LOCAL_PORT", "1.2.28", "Variable for the server's port"),
    row("JkIgnoreCLIndicator", One, Server, "variable", "JK_IGNORE_CL", "1.2.41", "Variable that says to ignore Content-Length"),
    row("JkHTTPSIndicator", One, Server, "variable", "HTTPS", "1.2.0", "Variable that says whether TLS is in use"),
    row("JkSSLPROTOCOLIndicator", One, Server, "variable", "SSL_PROTOCOL", "1.2.41", "Variable for the TLS protocol"),
    row("JkCERTSIndicator", One, Server, "variable", "SSL_CLIENT_CERT", "1.2.0", "Variable for the client certificate"),
    row("JkCIPHERIndicator", One, Server, "variable", "SSL_CIPHER", "1.2.0", "Variable for the TLS cipher"),
    row("JkSESSIONIndicator", One, Server, "variable", "SSL_SESSION_ID", "1.2.0", "Variable for the TLS session id"),
    row("JkKEYSIZEIndicator", One, Server, "variable", "SSL_CIPHER_USEKEYSIZE", "1.2.0", "Variable for the TLS key size"),
    row("JkCERTCHAINPrefix", One, Server, "prefix", "SSL_CLIENT_CERT_CHAIN_", "1.2.22", "Prefix of the certificate chain variables"),
    row("JkExtractSSL", One, Server, "On|Off", "On", "1.2.0", "On or Off: whether TLS data goes to the backend"),
    row("JkOptions", Raw, Server, "[+|-]option…", "ForwardURIProxy ForwardKeySize", "1.2.0", "Options, each with + or -"),
    row("JkEnvVar", OneOrTwo, Server, "variable [default]", "none", "1.2.0", "Variable to forward as request attribute, and its default"),
    row("JkWatchdogInterval", One, Global, "seconds", "worker.maintain", "1.2.27", "Seconds between two rounds of maintenance"),
    row("JkStatusLoopback", One, Server, "On|Off", "Off", "2.0.0", "On or Off: whether status workers answer this machine only"),
    row("JkStrict", One, Global, "On|Off", "Off", "2.0.0", "On or Off: whether warnings about the configuration are errors"),
];

impl DirectiveRow {
    /// Whether it gives another name to an environment variable; its default is the usual one.
    pub fn renames_variable(&self) -> bool {
        matches!(self.syntax, "variable" | "prefix")
    }
}
