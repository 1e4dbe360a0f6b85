//! Directives of httpd.conf. The build makes the rows of the C shim from this table, so this file imports
//! nothing. A new directive is a row here and an arm in `config/server.rs`.

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
    /// Which one it is.
    pub id: DirectiveName,
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
    /// Lines of httpd.conf that use it, which a test has httpd load.
    pub example: &'static str,
}

/// Makes the table and the enum of its names, so that a directive without a handler does not compile.
macro_rules! directives {
    ($($name:ident($arity:ident, $place:ident, $syntax:literal, $default:literal, $since:literal, $doc:literal, $example:literal),)*) => {
        /// The names of all directives.
        #[allow(missing_docs, clippy::enum_variant_names)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum DirectiveName {
            $($name,)*
        }

        /// All directives.
        pub const DIRECTIVES: &[DirectiveRow] = &[$(DirectiveRow {
            id: DirectiveName::$name,
            name: stringify!($name),
            arity: Arity::$arity,
            place: Place::$place,
            syntax: $syntax,
            default: $default,
            since: $since,
            doc: $doc,
            example: $example,
        },)*];
    };
}

#[rustfmt::skip]
directives! {
    JkWorkersFile(One, Global, "file", "a worker ajp13 at localhost:8009", "1.2.0", "File with the workers' properties", "JkWorkersFile /etc/jk/workers.properties"),
    JkWorkerProperty(Raw, Global, "name=value", "none", "1.2.7", "One line of a workers file", "JkWorkerProperty worker.app.reply_timeout=60000"),
    JkShmFile(One, Global, "file", "none", "1.2.9", "Accepted without effect: the shared memory needs no file", "JkShmFile logs/jk-runtime-status"),
    JkShmSize(One, Global, "kilobytes", "computed", "1.2.9", "Accepted without effect: the size is computed", "JkShmSize 1024"),
    JkMountFile(One, Server, "file", "none", "1.2.9", "File with mount rules", "JkMountFile /etc/jk/uriworkermap.properties"),
    JkMountFileReload(One, Server, "seconds", "60", "1.2.20", "Seconds between checks of the mount file", "JkMountFileReload 10"),
    JkMount(OneOrTwo, Section, "[pattern] worker[;extension=value…]", "none", "1.2.0", "URI pattern and worker", "JkMount /shop|/* app\nJkMount /shop/reports/* app;reply_timeout=600000\n<Location /wiki/>\n    JkMount app\n</Location>"),
    JkUnMount(OneOrTwo, Section, "[pattern] worker", "none", "1.2.7", "URI pattern and worker to exclude", "JkMount /shop|/* app\nJkUnMount /shop/static/* app\nJkUnMount /*.gif *"),
    JkMountCopy(One, Server, "On|Off|All", "Off", "1.2.0", "On, Off or All: whether virtual hosts get the main mounts", "JkMount /shop|/* app\n<VirtualHost *:80>\n    ServerName shop.example.org\n    JkMountCopy On\n</VirtualHost>"),
    JkAutoAlias(One, Server, "directory", "none", "1.2.3", "Directory of web applications to serve static files from", "JkAutoAlias /var/lib/tomcat10/webapps"),
    JkStripSession(OneOrTwo, Server, "On|Off [parameter]", "Off ;jsessionid", "1.2.21", "On or Off, and the path parameter to strip", "JkStripSession On ;jsessionid"),
    JkLogFile(One, Server, "file or |program", "httpd's error log", "1.2.0", "Log file or |program", "JkLogFile /var/log/apache2/mod_jk.log"),
    JkLogLevel(One, Server, "level", "info", "1.2.0", "trace, debug, info, warn, error or emerg", "JkLogLevel warn"),
    JkLogStampFormat(One, Server, "format", "[%a %b %d %H:%M:%S.%Q %Y] and a blank", "1.2.0", "strftime format of the time stamp, with %Q or %q", "JkLogStampFormat \"[%Y-%m-%d %H:%M:%S.%Q] \""),
    JkLogFormat(One, Server, "Text|JSON", "Text", "2.0.0", "Text or JSON: the format of lines in JkLogFile", "JkLogFile logs/mod_jk.json\nJkLogFormat JSON"),
    JkRequestLogFormat(One, Server, "format", "none", "1.2.1", "Format of the request log lines", "JkRequestLogFormat \"%w %V %U %s %T\""),
    JkWorkerIndicator(One, Server, "variable", "JK_WORKER_NAME", "1.2.19", "Variable that names the worker", "JkWorkerIndicator MY_WORKER\nSetEnvIf Request_URI \"^/shop/\" MY_WORKER=app\n<Location /shop/>\n    SetHandler jakarta-servlet\n</Location>"),
    JkRequestIdIndicator(One, Server, "variable", "UNIQUE_ID", "1.2.49", "Variable that holds the request id", "JkRequestIdIndicator REQUEST_ID"),
    JkRemoteAddrIndicator(One, Server, "variable", "JK_REMOTE_ADDR", "1.2.28", "Variable for the client's address", "JkRemoteAddrIndicator CLIENT_ADDRESS"),
    JkRemotePortIndicator(One, Server, "variable", "JK_REMOTE_PORT", "1.2.32", "Variable for the client's port", "JkRemotePortIndicator CLIENT_PORT"),
    JkRemoteHostIndicator(One, Server, "variable", "JK_REMOTE_HOST", "1.2.28", "Variable for the client's host name", "JkRemoteHostIndicator CLIENT_HOST"),
    JkRemoteUserIndicator(One, Server, "variable", "JK_REMOTE_USER", "1.2.28", "Variable for the user", "JkRemoteUserIndicator SSO_USER"),
    JkAuthTypeIndicator(One, Server, "variable", "JK_AUTH_TYPE", "1.2.28", "Variable for the authentication type", "JkAuthTypeIndicator SSO_TYPE"),
    JkLocalNameIndicator(One, Server, "variable", "JK_LOCAL_NAME", "1.2.28", "Variable for the server's name", "JkLocalNameIndicator PUBLIC_NAME\nSetEnv PUBLIC_NAME www.example.org"),
    JkLocalAddrIndicator(One, Server, "variable", "JK_LOCAL_ADDR", "1.2.41", "Variable for the server's address", "JkLocalAddrIndicator PUBLIC_ADDRESS"),
    JkLocalPortIndicator(One, Server, "variable", "JK_LOCAL_PORT", "1.2.28", "Variable for the server's port", "JkLocalPortIndicator PUBLIC_PORT\nSetEnv PUBLIC_PORT 443"),
    JkIgnoreCLIndicator(One, Server, "variable", "JK_IGNORE_CL", "1.2.41", "Variable that says to ignore Content-Length", "JkIgnoreCLIndicator BODY_CHANGES"),
    JkHTTPSIndicator(One, Server, "variable", "HTTPS", "1.2.0", "Variable that says whether TLS is in use", "JkHTTPSIndicator CLIENT_TLS\nSetEnvIf X-Forwarded-Proto \"^https$\" CLIENT_TLS=on"),
    JkSSLPROTOCOLIndicator(One, Server, "variable", "SSL_PROTOCOL", "1.2.41", "Variable for the TLS protocol", "JkSSLPROTOCOLIndicator CLIENT_TLS_PROTOCOL"),
    JkCERTSIndicator(One, Server, "variable", "SSL_CLIENT_CERT", "1.2.0", "Variable for the client certificate", "JkCERTSIndicator CLIENT_CERTIFICATE"),
    JkCIPHERIndicator(One, Server, "variable", "SSL_CIPHER", "1.2.0", "Variable for the TLS cipher", "JkCIPHERIndicator CLIENT_CIPHER"),
    JkSESSIONIndicator(One, Server, "variable", "SSL_SESSION_ID", "1.2.0", "Variable for the TLS session id", "JkSESSIONIndicator CLIENT_TLS_SESSION"),
    JkKEYSIZEIndicator(One, Server, "variable", "SSL_CIPHER_USEKEYSIZE", "1.2.0", "Variable for the TLS key size", "JkKEYSIZEIndicator CLIENT_KEY_SIZE"),
    JkCERTCHAINPrefix(One, Server, "prefix", "SSL_CLIENT_CERT_CHAIN_", "1.2.22", "Prefix of the certificate chain variables", "JkCERTCHAINPrefix CLIENT_CHAIN_\nJkOptions +ForwardSSLCertChain"),
    JkExtractSSL(One, Server, "On|Off", "On", "1.2.0", "On or Off: whether TLS data goes to the backend", "JkExtractSSL Off"),
    JkOptions(Raw, Server, "[+|-]option…", "ForwardURIProxy ForwardKeySize", "1.2.0", "Options, each with + or -", "JkOptions +ForwardSSLCertChain +ForbidUnsafeURI -ForwardKeySize"),
    JkEnvVar(OneOrTwo, Server, "variable [default]", "none", "1.2.0", "Variable to forward as request attribute, and its default", "JkEnvVar eppn\nJkEnvVar affiliation guest"),
    JkWatchdogInterval(One, Global, "seconds", "worker.maintain", "1.2.27", "Seconds between two rounds of maintenance", "JkWatchdogInterval 30"),
    JkStatusLoopback(One, Server, "On|Off", "Off", "2.0.0", "On or Off: whether status workers answer this machine only", "JkStatusLoopback On"),
    JkAsync(One, Server, "On|Off|Auto", "as Auto, for as many requests as there are threads", "2.0.0", "On, Off or Auto: whether a request that waits for its backend gives its thread back", "JkAsync Auto"),
    JkAsyncAfter(One, Server, "milliseconds", "5", "2.0.0", "Milliseconds that a thread waits for the backend before its request is parked", "JkAsync Auto\nJkAsyncAfter 20"),
    JkStrict(One, Global, "On|Off", "Off", "2.0.0", "On or Off: whether warnings about the configuration are errors", "JkStrict On\nJkMount /shop|/* app"),
}

impl DirectiveRow {
    /// Whether it gives another name to an environment variable; its default is the usual one.
    pub fn renames_variable(&self) -> bool {
        matches!(self.syntax, "variable" | "prefix")
    }
}
