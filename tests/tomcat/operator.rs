//! `jkctl` and a real Tomcat: what `jkctl init` says goes into server.xml, and each of Tomcat's
//! connectors gets its diagnosis.

use std::fs;
use std::process::Command;

use crate::support::tomcat::{self, Tomcat};
use crate::support::{free_port, fresh_dir, skip};

fn jkctl(args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_jkctl")).args(args).output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn each_connector_of_tomcat_has_its_diagnosis() {
    if tomcat::home().is_none() {
        return skip("tomcat", "no Tomcat: install libtomcat10-java and tomcat10-common");
    }
    let dir = fresh_dir("operator");
    let made = dir.join("made").display().to_string();
    // The port of the connector that init writes is replaced by a property below.
    let (code, told) = jkctl(&["init", "--dir", &made, "-t", "127.0.0.1:8009"]);
    assert_eq!(code, 0, "{told}");
    let connector = fs::read_to_string(dir.join("made/connector.xml")).expect("it was written");
    let connector = connector.replace("port=\"8009\"", "port=\"${ajp.port}\"");

    let keys = dir.join("keys");
    let made_key = Command::new("keytool")
        .args(["-genkeypair", "-keyalg", "EC", "-dname", "CN=x", "-storepass", "secret"])
        .arg("-keystore")
        .arg(&keys)
        .output()
        .expect("keytool comes with Java");
    assert!(made_key.status.success(), "{}", String::from_utf8_lossy(&made_key.stdout));
    let [http, https, large] = [free_port(), free_port(), free_port()];
    let server = format!(
        "<Server port=\"-1\"><Service name=\"Catalina\">\n{connector}\n\
         <Connector port=\"{http}\" address=\"127.0.0.1\"/>\n\
         <Connector port=\"{https}\" address=\"127.0.0.1\" SSLEnabled=\"true\">\
         <SSLHostConfig><Certificate certificateKeystoreFile=\"{}\" \
         certificateKeystorePassword=\"secret\"/></SSLHostConfig></Connector>\n\
         <Connector protocol=\"AJP/1.3\" port=\"{large}\" address=\"127.0.0.1\" \
         secretRequired=\"false\" packetSize=\"65536\"/>\n\
         <Engine name=\"Catalina\" defaultHost=\"localhost\">\
         <Host name=\"localhost\" appBase=\"webapps\"/></Engine></Service></Server>\n",
        keys.display()
    );
    let mut tomcat = Tomcat::alone(&dir, &server);
    tomcat.start();
    tomcat.await_service(&mut |_| {}).expect("it starts");

    let workers = dir.join("made/workers.properties");
    let text = fs::read_to_string(&workers).expect("it was written");
    fs::write(&workers, text.replace("port=8009", &format!("port={}", tomcat.ajp_port)))
        .expect("a file");
    let workers = workers.display().to_string();
    let (code, told) = jkctl(&["ping", "-f", &workers]);
    assert_eq!(code, 0, "the secret is the same on both sides: {told}");

    let wrong = dir.join("wrong");
    fs::write(&wrong, "wrong\n").expect("a file");
    let wrong = wrong.display().to_string();
    let at = |port: u16| format!("127.0.0.1:{port}");
    let (ajp, http, https, large) = (at(tomcat.ajp_port), at(http), at(https), at(large));
    let cases: &[(&str, &[&str], i32, &str)] = &[
        ("no secret", &[&ajp], 1, "secret"),
        ("wrong secret", &[&ajp, "--secret-file", &wrong], 1, "secret"),
        ("a larger packet", &["-f", &workers, "app", "--packet-size", "65536"], 1, "packet-size"),
        ("HTTP", &[&http], 1, "http"),
        ("HTTPS", &[&https], 1, "tls"),
        ("large packets", &[&large, "--packet-size", "65536"], 0, ""),
    ];
    for (name, args, code, kind) in cases {
        let mut all = vec!["ping", "--format", "json", "--timeout", "3s"];
        all.extend(*args);
        let (found, told) = jkctl(&all);
        let page: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        let diagnosis = &page["backends"][0]["diagnosis"];
        assert_eq!(
            (found, diagnosis["kind"].as_str().unwrap_or_default()),
            (*code, *kind),
            "{name}: {told}"
        );
    }
    tomcat.stop();
}
