//! https with a real mod_ssl, and where passwords come from.

use std::path::Path;

use crate::live::in_a_terminal;
use crate::support::free_port;
use crate::support::httpd::{Httpd, Setup, load};
use crate::support::openssl::openssl;
use crate::{Run, jkctl, run_with};

/// An authority, one that signs nothing here, and the certificate of a server called localhost.
fn certificates(dir: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for name in ["root", "other"] {
        let file = format!("-keyout {name}.key -out {name}.pem -subj /CN={name} -days 2");
        openssl(dir, &format!("req -x509 {key} {file}"));
    }
    std::fs::write(
        dir.join("leaf.ext"),
        "basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost\n",
    )
    .expect("a file");
    openssl(dir, &format!("req {key} -keyout server.key -out server.csr -subj /CN=server"));
    let signed = "-in server.csr -CA root.pem -CAkey root.key -CAcreateserial -out server.pem";
    openssl(dir, &format!("x509 -req {signed} -days 2 -extfile leaf.ext"));
}

/// An httpd whose status worker is reached over TLS, and wants a user at /private.
struct SecureSite {
    httpd: Httpd,
    url: String,
}

impl SecureSite {
    fn start(name: &'static str) -> Self {
        let tls = free_port();
        let modules = load(&["ssl", "authn_core", "authn_file", "authz_user", "auth_basic"]);
        let config = format!(
            "{modules}Listen 127.0.0.1:{tls}\nJkMountCopy All\nJkMount /status status\n\
             JkMount /private status\nSSLSessionCache none\n\
             <Location /private>\nAuthType Basic\nAuthName x\nAuthUserFile @DIR@/users\nRequire valid-user\n</Location>\n"
        );
        let workers = "worker.list=status,w\nworker.status.type=status\nworker.w.host=127.0.0.1\n";
        let mut httpd = Setup { name, mpm: "event", config: &config, workers }.prepare();
        certificates(&httpd.dir);
        // {SHA} of "secret": no program of httpd's is needed to make it.
        httpd.write("users", "joe:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
        let host = format!(
            "<VirtualHost 127.0.0.1:{tls}>\nServerName localhost\nSSLEngine on\n\
             SSLCertificateFile @DIR@/server.pem\nSSLCertificateKeyFile @DIR@/server.key\n</VirtualHost>\n"
        );
        let host = host.replace("@DIR@", &httpd.dir.display().to_string());
        httpd.write("httpd.conf", &(httpd.log("httpd.conf") + &host));
        httpd.expect("ssl:warn");
        httpd.expect("Password Mismatch");
        httpd.launch();
        Self { httpd, url: format!("https://localhost:{tls}/status") }
    }

    fn file(&self, name: &str) -> String {
        self.httpd.dir.join(name).display().to_string()
    }

    fn private(&self) -> String {
        self.url.replace("/status", "/private")
    }

    fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Run {
        let root = self.file("root.pem");
        run_with(&[args, &["--cacert", &root]].concat(), variables, "")
    }
}

#[test]
fn the_certificate_is_verified() {
    let site = SecureSite::start("jkctl-https");
    let (url, root) = (site.url.as_str(), site.file("root.pem"));
    let run = jkctl(&["status", "--url", url, "--cacert", &root]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("workers without a balancer"), "{}", run.out);
    let by_variable = run_with(&["status", "--url", url], &[("SSL_CERT_FILE", &root)], "");
    assert_eq!(by_variable.code, 0, "{}", by_variable.err);

    let unknown = "signed by an authority that is unknown here: name its certificate with --cacert";
    let by_address = url.replace("localhost", "127.0.0.1");
    let without_tls = format!("https://localhost:{}/status", site.httpd.port);
    let (other, key, none) = (site.file("other.pem"), site.file("root.key"), site.file("none.pem"));
    for (url, ca, part) in [
        (url, other.as_str(), unknown),
        (&by_address, &root, "give the URL with a name of the certificate"),
        (&without_tls, &root, "does not speak TLS at this port"),
        (url, &key, "no certificate in PEM format"),
        (url, &none, "there is no such file"),
    ] {
        // A change that httpd has not seen is none.
        for args in [&["status"][..], &["reset", "w"]] {
            let run = jkctl(&[args, &["--url", url, "--cacert", ca]].concat());
            assert_eq!(run.code, 2, "{url} {ca}: {}{}", run.out, run.err);
            assert!(run.err.contains(part), "{url} {ca}: {}", run.err);
            assert!(!run.err.contains("not known whether"), "{url} {ca}: {}", run.err);
        }
    }
}

#[test]
fn a_password_comes_from_a_file_the_environment_or_a_prompt() {
    let site = SecureSite::start("jkctl-passwords");
    let url = site.private();
    let args = ["status", "--url", &url];
    let run = site.run(&args, &[]);
    assert!(run.code == 2 && run.err.contains("authentication required"), "{}", run.err);
    let as_joe = [&args[..], &["--user", "joe"]].concat();
    assert_eq!(site.run(&as_joe, &[("JKCTL_PASSWORD", "secret")]).code, 0);
    let wrong = site.run(&as_joe, &[("JKCTL_PASSWORD", "wrong")]);
    assert!(wrong.code == 2 && wrong.err.contains("authentication required"), "{}", wrong.err);
    assert_eq!(site.run(&args, &[("JKCTL_USER", "joe"), ("JKCTL_PASSWORD", "secret")]).code, 0);
    let file = site.file("password");
    std::fs::write(&file, "secret\n").unwrap();
    // What is named on the command line goes before the environment.
    let by_file = [&as_joe[..], &["--password-file", &file]].concat();
    assert_eq!(site.run(&by_file, &[("JKCTL_PASSWORD", "wrong")]).code, 0);
    // The command line is public.
    let run = site.run(&[&args[..], &["--user", "joe:secret"]].concat(), &[]);
    assert!(run.code == 2 && run.err.contains("takes the name alone"), "{}", run.err);

    let lines = format!(
        "env -u JKCTL_PASSWORD HOME={} {} status --url {url} --cacert {} --user joe; echo ended $?; stty -a",
        env!("CARGO_TARGET_TMPDIR"),
        env!("CARGO_BIN_EXE_jkctl"),
        site.file("root.pem"),
    );
    let prompt = "Password of joe at localhost: ";
    for (typed, code) in [("secrex\x7ft\r", 0), ("wrong\r", 2), ("\x03", 2)] {
        let name = format!("jkctl-prompt-{}-{}", code, typed.len());
        let screen = in_a_terminal(&name, &lines, Some((prompt, typed)));
        assert!(screen.contains(&format!("ended {code}")), "{typed:?}: {screen}");
        assert!(
            !screen.contains("secre") && !screen.contains("wrong"),
            "it is not shown: {screen}"
        );
        assert!(screen.contains(" echo ") && screen.contains(" icanon "), "{screen}");
    }
}

#[test]
fn a_password_in_the_clear_is_warned_of() {
    let dead = free_port();
    let run = run_with(
        &["status", "--url", &format!("http://no-such-host.invalid:{dead}/s"), "--user", "joe"],
        &[("JKCTL_PASSWORD", "secret")],
        "",
    );
    assert!(run.err.contains("no-such-host.invalid unencrypted: give an https URL"), "{}", run.err);
    assert!(!run.err.contains("secret"), "{}", run.err);
    let run = run_with(
        &["status", "--url", &format!("http://127.0.0.1:{dead}/s"), "--user", "joe"],
        &[("JKCTL_PASSWORD", "secret")],
        "",
    );
    assert!(!run.err.contains("unencrypted"), "{}", run.err);
}
