//! What is asked of both modules.

pub struct Case {
    pub name: &'static str,
    /// Lines of httpd.conf.
    pub config: &'static str,
    /// Lines of workers.properties.
    pub properties: &'static str,
    /// Whole requests, with plain line ends.
    pub requests: &'static [&'static str],
    /// Headers that this module sends with a POST and the original does not.
    pub more: &'static [(&'static str, &'static str)],
}

const PLAIN: Case = Case { name: "", config: "", properties: "", requests: &[], more: &[] };

/// Sent whenever the length of a body is not known.
const UNKNOWN_LENGTH: &[(&str, &str)] = &[("Transfer-Encoding", "chunked")];

pub const CASES: &[Case] = &[
    Case {
        name: "s1 methods, protocol, query, headers",
        requests: &[
            "GET /app/x HTTP/1.1\nHost: www.example.org\nConnection: close\n\n",
            "GET /app/x? HTTP/1.1\nHost: www.example.org:81\n\n",
            "GET /app/x?a=1&b=%20%2f;? HTTP/1.1\nHost: h\nAccept: */*\nAccept-Charset: utf-8\nAccept-Encoding: gzip\nAccept-Language: de\nAuthorization: Basic eDp5\nCookie: a=b\nCookie2: c\nPragma: p\nReferer: http://r/\nUser-Agent: u\nX-Own: Value\nx-lower: v\n\n",
            "GET /app/x HTTP/1.0\n\n",
            "HEAD /app/x HTTP/1.1\nHost: h\n\n",
            "OPTIONS /app/x HTTP/1.1\nHost: h\n\n",
            "PROPFIND /app/x HTTP/1.1\nHost: h\n\n",
            "PATCH /app/x HTTP/1.1\nHost: h\n\n",
            "get /app/x HTTP/1.1\nHost: h\n\n",
            "FOO-BAR /app/x HTTP/1.1\nHost: h\n\n",
            "DELETE /app/x HTTP/1.1\nHost: h\nCookie: a=b\nCookie: c=d\nX-Two: 1\nX-Two: 2\n\n",
            "GET http://other.example/app/x HTTP/1.1\nHost: h\n\n",
        ],
        ..PLAIN
    },
    Case {
        name: "s4.5 bodies",
        requests: &[
            "POST /app/x HTTP/1.1\nHost: h\nContent-Type: text/plain\nContent-Length: 5\nX-Last: 1\n\nhello",
            "POST /app/x HTTP/1.1\nHost: h\nContent-Length: 0\n\n",
            "POST /app/x HTTP/1.1\nHost: h\n\n",
            "POST /app/x HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n",
            "POST /app/x HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nX-Last: 1\nTE: trailers\nTrailer: X\nConnection: TE\n\n5\nhello\n0\nX: 1\n\n",
            "POST /app/x HTTP/1.1\nHost: h\nContent-Length: 5\nExpect: 100-continue\n\nhello",
            "PUT /app/x HTTP/1.1\nHost: h\nContent-Length: 5\nTE: trailers\nConnection: TE\n\nhello",
        ],
        ..PLAIN
    },
    Case {
        name: "s4.1 forwarded URIs, the default",
        requests: &[
            "GET /app/a%20b HTTP/1.1\nHost: h\n\n",
            "GET /app/%7Eu/%41bc/caf%C3%A9 HTTP/1.1\nHost: h\n\n",
            "GET /app/a;jsessionid=X.n1 HTTP/1.1\nHost: h\n\n",
            "GET /app/a%25b/%2541/%3Fb/%23b HTTP/1.1\nHost: h\n\n",
            "GET /app/[b]/a|b/~$-_.+!*'(),;:@&=x HTTP/1.1\nHost: h\n\n",
            "GET /app/c/../b//d/./e HTTP/1.1\nHost: h\n\n",
        ],
        ..PLAIN
    },
    Case {
        name: "s4.1 ForwardURIEscaped",
        config: "JkOptions +ForwardURIEscaped",
        requests: &["GET /app/a%20b/caf%C3%A9/%5B HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.1 ForwardURICompat",
        config: "JkOptions +ForwardURICompat",
        requests: &["GET /app/%41bc/a+b/~u HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.1 ForwardURICompatUnparsed",
        config: "JkOptions +ForwardURICompatUnparsed",
        requests: &["GET /app/%41bc/a%20b;v=1?x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.3 addresses: local",
        config: "JkOptions +ForwardLocalAddress",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.3 addresses: physical",
        config: "JkOptions +ForwardPhysicalAddress",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.3 variables that are set",
        config: "SetEnvIf Request_URI ^ JK_REMOTE_ADDR=192.0.2.9 JK_REMOTE_PORT=77 JK_REMOTE_HOST=client.example JK_REMOTE_USER=ann JK_AUTH_TYPE=Digest JK_LOCAL_NAME=local.example JK_LOCAL_ADDR=192.0.2.1 JK_LOCAL_PORT=8443 JK_ROUTE=r7",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.3 variables that are empty",
        config: "SetEnvIf Request_URI ^ JK_REMOTE_ADDR= JK_REMOTE_PORT= JK_REMOTE_HOST= JK_REMOTE_USER= JK_AUTH_TYPE= JK_LOCAL_NAME= JK_LOCAL_ADDR= JK_LOCAL_PORT= JK_ROUTE=",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.3 renamed variables",
        config: "JkRemoteAddrIndicator MY_ADDR\nJkLocalPortIndicator MY_PORT\nSetEnvIf Request_URI ^ MY_ADDR=192.0.2.8 MY_PORT=12x JK_REMOTE_ADDR=192.0.2.9",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.3 numbers that are none",
        config: "SetEnvIf Request_URI ^ JK_LOCAL_PORT=abc JK_REMOTE_PORT=abc HTTPS=on SSL_CIPHER_USEKEYSIZE=12bits",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.4 TLS from variables",
        config: "SetEnvIf Request_URI ^ HTTPS=on SSL_PROTOCOL=TLSv1.3 SSL_CIPHER=TLS_AES_256_GCM_SHA384 SSL_SESSION_ID=0a0b SSL_CIPHER_USEKEYSIZE=256 SSL_CLIENT_CERT=PEM",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.4 TLS switched off, no key size",
        config: "JkExtractSSL Off\nSetEnvIf Request_URI ^ HTTPS=on SSL_CIPHER=X",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.4 TLS without key size, with a chain",
        config: "JkOptions -ForwardKeySize +ForwardSSLCertChain\nSetEnvIf Request_URI ^ HTTPS=On SSL_CIPHER=X SSL_CIPHER_USEKEYSIZE=256 SSL_CLIENT_CERT=A SSL_CLIENT_CERT_CHAIN_0=B SSL_CLIENT_CERT_CHAIN_1=C",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.6 JkEnvVar",
        config: "JkEnvVar SET\nJkEnvVar SET_TOO other\nJkEnvVar UNSET\nJkEnvVar DEFAULTED value\nJkEnvVar REMOTE_ADDR\nSetEnvIf Request_URI ^ SET=1 SET_TOO=2",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.3 JK_IGNORE_CL",
        config: "SetEnvIf Request_URI ^ JK_IGNORE_CL=1",
        requests: &[
            "GET /app/x HTTP/1.1\nHost: h\n\n",
            "POST /app/x HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello",
        ],
        more: UNKNOWN_LENGTH,
        ..PLAIN
    },
    Case {
        name: "s1.6 secret",
        properties: "worker.w.secret=s3cr3t",
        requests: &["GET /app/x?q HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.5 limits: many and large headers",
        properties: "worker.w.max_packet_size=65536",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n@HEADERS@\n\n"],
        ..PLAIN
    },
    Case {
        name: "a balancer's route and activation",
        properties: "worker.w.type=lb\nworker.w.balance_workers=n1\nworker.n1.host=127.0.0.1\nworker.n1.port=@PORT@\nworker.n1.activation=d",
        requests: &["GET /app/x HTTP/1.1\nHost: h\nCookie: JSESSIONID=A.n1\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.6 JkEnvVar twice, in another case",
        config: "JkEnvVar SET one\nJkEnvVar SET two\nJkEnvVar other one\nJkEnvVar OTHER two\nJkEnvVar EMPTY \"\"\nJkEnvVar UNSET_TOO",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.4 a chain under another name",
        config: "JkCERTSIndicator MY_CERT\nJkCERTCHAINPrefix MY_CHAIN_\nJkOptions +ForwardSSLCertChain\nSetEnvIf Request_URI ^ HTTPS=On MY_CERT=A MY_CHAIN_0=B my_chain_1=C MY_CHAIN_x=D SSL_CLIENT_CERT=no SSL_CLIENT_CERT_CHAIN_0=no",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.4 TLS variables under other names",
        config: "JkHTTPSIndicator MY_HTTPS\nJkSSLPROTOCOLIndicator MY_PROTOCOL\nJkCERTSIndicator MY_CERT\nJkCIPHERIndicator MY_CIPHER\nJkSESSIONIndicator MY_SESSION\nJkKEYSIZEIndicator MY_SIZE\nSetEnvIf Request_URI ^ MY_HTTPS=on MY_PROTOCOL=TLSv9 MY_CERT=PEM MY_CIPHER=X MY_SESSION=0c MY_SIZE=99 SSL_PROTOCOL=no SSL_CLIENT_CERT=no SSL_CIPHER=no SSL_SESSION_ID=no SSL_CIPHER_USEKEYSIZE=1",
        requests: &["GET /app/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s4.3 all variables under other names",
        config: "JkRemoteAddrIndicator A\nJkRemotePortIndicator B\nJkRemoteHostIndicator C\nJkRemoteUserIndicator D\nJkAuthTypeIndicator E\nJkLocalNameIndicator F\nJkLocalAddrIndicator G\nJkLocalPortIndicator H\nJkIgnoreCLIndicator I\nSetEnvIf Request_URI ^ A=192.0.2.8 B=7 C=host D=bob E=Basic F=name G=192.0.2.7 H=1234 I=1 JK_REMOTE_ADDR=no JK_REMOTE_PORT=1 JK_REMOTE_HOST=no JK_REMOTE_USER=no JK_AUTH_TYPE=no JK_LOCAL_NAME=no JK_LOCAL_ADDR=no JK_LOCAL_PORT=1",
        requests: &["POST /app/x HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello"],
        more: UNKNOWN_LENGTH,
        ..PLAIN
    },
    Case {
        name: "s10 the worker from a variable",
        config: "<Location /other>\nSetHandler jakarta-servlet\n</Location>\n<Location /other/mine>\nSetHandler jakarta-servlet\n</Location>\nJkWorkerIndicator MINE\nSetEnvIf Request_URI ^/other MINE=w;reply_timeout=5000",
        requests: &["GET /other/x HTTP/1.1\nHost: h\n\n"],
        ..PLAIN
    },
    Case {
        name: "s11 hosts: options, indicators and variables are inherited or replaced",
        config: "JkMountCopy All\nJkOptions +ForwardPhysicalAddress +ForwardURIEscaped -ForwardKeySize +ForwardSSLCertChain\nJkEnvVar ONE main\nJkEnvVar TWO main\nJkEnvVar THREE\nJkRemoteUserIndicator MAIN_USER\nJkCIPHERIndicator MAIN_CIPHER\nJkLocalAddrIndicator LOCAL\nSetEnvIf Request_URI ^ HTTPS=on MAIN_USER=main HOST_USER=host SSL_CIPHER=usual MAIN_CIPHER=main SSL_CIPHER_USEKEYSIZE=128 SSL_CLIENT_CERT=A SSL_CLIENT_CERT_CHAIN_0=B THREE=3 \n\
            <VirtualHost *:*>\nServerName plain\n</VirtualHost>\n\
            <VirtualHost *:*>\nServerName rest\nJkLogLevel error\n</VirtualHost>\n\
            <VirtualHost *:*>\nServerName own\nJkOptions +ForwardKeySize -ForwardSSLCertChain +ForwardURICompat -ForwardPhysicalAddress\nJkEnvVar TWO host\nJkEnvVar FOUR host\nJkRemoteUserIndicator HOST_USER\nJkCIPHERIndicator SSL_CIPHER\n</VirtualHost>\n\
            <VirtualHost *:*>\nServerName off\nJkExtractSSL Off\nJkOptions +ForwardURIProxy\n</VirtualHost>",
        requests: &[
            "GET /app/%5Bx HTTP/1.1\nHost: plain\n\n",
            "GET /app/%5Bx HTTP/1.1\nHost: rest\n\n",
            "GET /app/%5Bx HTTP/1.1\nHost: own\n\n",
            "GET /app/%5Bx HTTP/1.1\nHost: off\n\n",
        ],
        ..PLAIN
    },
];
