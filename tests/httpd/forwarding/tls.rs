//! What a backend learns of TLS, from a real mod_ssl with certificates made for the test.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use crate::setups::slow;
use crate::support::backend::{Backend, echo};
use crate::support::free_port;
use crate::support::httpd::{Httpd, Setup, load};
use crate::support::openssl::openssl;

/// Makes a root, a certificate for the server, one between, and one for the client.
fn certificates(dir: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(dir, &format!("req -x509 {key} -keyout root.key -out root.pem -subj /CN=root -days 2"));
    openssl(
        dir,
        &format!("req -x509 {key} -keyout server.key -out server.pem -subj /CN=localhost -days 2"),
    );
    std::fs::write(dir.join("ca.ext"), "basicConstraints=critical,CA:TRUE\n").expect("a file");
    std::fs::write(dir.join("leaf.ext"), "basicConstraints=CA:FALSE\n").expect("a file");
    for (name, signer, kind) in [("between", "root", "ca"), ("client", "between", "leaf")] {
        openssl(dir, &format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        openssl(
            dir,
            &format!(
                "x509 -req -in {name}.csr -CA {signer}.pem -CAkey {signer}.key -CAcreateserial -out {name}.pem -days 2 -extfile {kind}.ext"
            ),
        );
    }
}

/// Asks a host over TLS, with a client certificate and the one between.
fn ask(httpd: &Httpd, port: u16, host: &str, path: &str) {
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{port}")])
        .args(["-servername", host, "-cert", "client.pem", "-key", "client.key"])
        .args(["-cert_chain", "between.pem"])
        .current_dir(&httpd.dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is installed");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut input = client.stdin.take().expect("a pipe");
    input.write_all(request.as_bytes()).expect("openssl reads");
    let output = client.wait_with_output().expect("it ends with the connection");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("HTTP/1.1 200"), "{host}{path}: {text}");
}

#[test]
fn what_mod_ssl_knows_reaches_the_backend() {
    let backend = Backend::start(echo("n1"));
    let workers = format!(
        "worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={}\nworker.w.max_packet_size=16384\n",
        backend.port
    );
    let tls = free_port();
    let config = format!(
        "{}Listen 127.0.0.1:{tls}\nJkMountCopy All\nJkMount /app/* w\nSSLSessionCache none\n",
        load(&["ssl"])
    );
    let mut httpd =
        Setup { name: "tls-variables", mpm: "event", config: &config, workers: &workers }.prepare();
    certificates(&httpd.dir);
    let engine = "SSLEngine on\nSSLCertificateFile @DIR@/server.pem\nSSLCertificateKeyFile @DIR@/server.key\n\
        SSLVerifyClient require\nSSLVerifyDepth 3\nSSLCACertificateFile @DIR@/root.pem\n";
    let hosts = [
        ("plain", ""),
        ("chain", "JkOptions +ForwardSSLCertChain -ForwardKeySize"),
        ("exported", "JkOptions +ForwardSSLCertChain\nSSLOptions +StdEnvVars +ExportCertData"),
        ("off", "JkExtractSSL Off\nSSLOptions +StdEnvVars"),
        (
            "renamed",
            "JkCIPHERIndicator SSL_PROTOCOL\nJkSESSIONIndicator SSL_CLIENT_S_DN_CN\nJkKEYSIZEIndicator SSL_CLIENT_V_REMAIN\nJkCERTSIndicator SSL_SERVER_CERT",
        ),
    ];
    for (name, lines) in hosts {
        let text = format!(
            "<VirtualHost 127.0.0.1:{tls}>\nServerName {name}\n{engine}{lines}\n</VirtualHost>\n"
        );
        let text = text.replace("@DIR@", &httpd.dir.display().to_string());
        httpd.write("httpd.conf", &(httpd.log("httpd.conf") + &text));
    }
    // These certificates are not those of a real server, as mod_ssl says.
    httpd.expect("ssl:warn");
    httpd.launch();
    let pem = |name: &str| {
        let text = httpd.log(&format!("{name}.pem"));
        let begin = text.find("-----BEGIN").expect("a certificate");
        text[begin..].trim().to_owned()
    };
    let (client, between, server) = (pem("client"), pem("between"), pem("server"));
    for (host, is_tls, certificates, size, cipher) in [
        ("plain", true, vec![&client], true, "TLS_"),
        ("chain", true, vec![&client, &between], false, "TLS_"),
        ("exported", true, vec![&client, &between], true, "TLS_"),
        ("off", false, vec![], false, ""),
        ("renamed", true, vec![&server], true, "TLSv1.3"),
    ] {
        ask(&httpd, tls, host, "/app/x");
        let request = backend.last();
        assert_eq!(request.is_tls, is_tls, "{host}");
        let sent = request.certificate.clone().unwrap_or_default();
        for certificate in &certificates {
            assert!(sent.contains(certificate.as_str()), "{host}: {sent}");
        }
        assert_eq!(sent.matches("-----BEGIN").count(), certificates.len(), "{host}: {sent}");
        assert!(certificates.len() < 2 || sent.starts_with(&client), "{host}: its own comes first");
        let protocol = request.attribute("AJP_SSL_PROTOCOL");
        assert_eq!(protocol, is_tls.then_some("TLSv1.3"), "{host}");
        assert_eq!(request.key_size.is_some(), size, "{host}: {:?}", request.key_size);
        assert!(request.cipher.clone().unwrap_or_default().starts_with(cipher), "{host}");
        assert_eq!(request.cipher.is_some(), is_tls, "{host}");
        match host {
            "renamed" => assert_eq!(request.session.as_deref(), Some("client")),
            "plain" | "exported" => assert!(request.key_size.is_some_and(|bits| bits >= 128)),
            _ => {}
        }
        assert_eq!(request.server_port, 443, "{host}: the port of https");
    }
    // The same over plain HTTP says nothing of TLS.
    httpd.ask("h", "/app/x", "");
    assert!(!backend.last().is_tls && backend.last().cipher.is_none());
}

#[test]
fn requests_over_tls_wait_without_a_thread() {
    let (backend, most) = slow(Duration::from_millis(700));
    let workers =
        format!("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={}\n", backend.port);
    let tls = free_port();
    let config = format!(
        "{}StartServers 1\nServerLimit 1\nThreadsPerChild 4\nMaxRequestWorkers 4\nMinSpareThreads 1\n\
         MaxSpareThreads 4\nAsyncRequestWorkerFactor 1000\nJkAsync On\nListen 127.0.0.1:{tls}\n\
         JkMountCopy All\nJkMount /app/* w\nSSLSessionCache none\n<VirtualHost 127.0.0.1:{tls}>\n\
         SSLEngine on\nSSLCertificateFile @DIR@/server.pem\nSSLCertificateKeyFile @DIR@/server.key\n\
         </VirtualHost>\n",
        load(&["ssl"])
    );
    let mut httpd =
        Setup { name: "tls-parked", mpm: "event", config: &config, workers: &workers }.prepare();
    certificates(&httpd.dir);
    httpd.expect("ssl:warn");
    httpd.launch();
    thread::scope(|scope| {
        (0..16).for_each(|_| _ = scope.spawn(|| ask(&httpd, tls, "localhost", "/app/x")));
    });
    assert!(most.load(SeqCst) > 4, "more than there are threads");
}
