//! A configuration to start from, for given Tomcats.

use std::fmt::Write;
use std::net::IpAddr;

use crate::config::{unix_path, unix_path_fault};

/// A Tomcat's AJP connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tomcat {
    /// Name of the worker, if one was given.
    pub name: Option<String>,
    /// Host name or address, without brackets; or `unix:` and the path of its socket.
    pub host: String,
    /// Port of the connector; 0 with a socket.
    pub port: u16,
}

impl Tomcat {
    /// Reads `[name=]host[:port]` or `[name=]unix:/path`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, address) = match text.split_once('=') {
            Some((name, address)) if unix_path(text).is_none() => (Some(name), address),
            _ => (None, text),
        };
        let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_some_and(|name| name.is_empty() || name.len() > 60 || !name.chars().all(is_fit))
        {
            return Err(format!(
                "{text}: a worker's name is letters, digits, - and _, at most 60 of them"
            ));
        }
        if let Some(path) = unix_path(address) {
            // What a workers file takes as it is.
            let is_fit = |c: char| c.is_ascii_alphanumeric() || "-._/:@+,=".contains(c);
            let fault = unix_path_fault(path).or_else(|| {
                let is_odd = !path.chars().all(is_fit);
                is_odd.then(|| "expected a path of letters, digits and -._/:@+,=".to_owned())
            });
            return match fault {
                Some(fault) => Err(format!("{text}: {fault}")),
                None => {
                    let (name, host) = (name.map(str::to_owned), address.to_owned());
                    Ok(Self { name, host, port: 0 })
                }
            };
        }
        // The colons of an address without brackets are its own.
        let is_address = address.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !is_address => (host, Some(port)),
            _ => (address, None),
        };
        let port = match port.map(str::parse) {
            None => 8009,
            Some(Ok(port)) if port > 0 => port,
            Some(_) => return Err(format!("{text}: the port must be a number from 1 to 65535")),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_fit = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || !host.chars().all(is_fit) {
            return Err(format!("{text}: expected [name=]host[:port] or [name=]unix:/path"));
        }
        Ok(Self { name: name.map(str::to_owned), host: host.to_owned(), port })
    }

    /// Tells whether it is this machine itself, as far as the name says.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || unix_path(&self.host).is_some()
            || self.host.parse::<IpAddr>().is_ok_and(|own| own.is_loopback())
    }
}

/// What is wanted.
#[derive(Clone, Debug)]
pub struct InitRequest {
    /// The Tomcats; several make a balancer.
    pub tomcats: Vec<Tomcat>,
    /// Paths of applications.
    pub mounts: Vec<String>,
    /// The connectors' secret.
    pub secret: Option<String>,
    /// Directory the files will lie in.
    pub dir: String,
    /// The module's file for LoadModule; a relative one is below ServerRoot.
    pub module: String,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: String,
    /// Whether only owner and group may read it.
    pub is_secret: bool,
}

/// Returns the files.
///
/// # Errors
///
/// What cannot be done, and what helps.
pub fn files(wanted: &InitRequest) -> Result<Vec<NewFile>, String> {
    if let (None, Some(far)) =
        (&wanted.secret, wanted.tomcats.iter().find(|own| !own.is_loopback()))
    {
        return Err(format!(
            "{} is another machine: without a secret its connector trusts every client that reaches the port, so omit --no-secret",
            far.host
        ));
    }
    if wanted
        .secret
        .as_ref()
        .is_some_and(|own| own.contains('#') || own.trim() != own || own.contains("$("))
    {
        return Err("the secret must not have a #, a $( or blanks at its ends: a workers file cannot hold them".to_owned());
    }
    if let Some(bad) = wanted
        .mounts
        .iter()
        .find(|own| !own.starts_with('/') || own.contains(['*', '?', '|', '=', '#', ';']))
    {
        return Err(format!("{bad}: expected the path of an application, such as /shop, or /"));
    }
    let names = names(&wanted.tomcats)?;
    let secret = wanted.secret.is_some();
    Ok(vec![
        NewFile { name: "workers.properties", text: workers(wanted, &names), is_secret: secret },
        NewFile {
            name: "uriworkermap.properties",
            text: mounts(&wanted.mounts, app(&names)),
            is_secret: false,
        },
        NewFile { name: "jk.conf", text: conf(&wanted.dir, &wanted.module), is_secret: false },
        NewFile { name: "connector.xml", text: connectors(wanted, &names), is_secret: secret },
    ])
}

/// What one Tomcat's server.xml needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TomcatSide {
    /// The Connector.
    pub connector: String,
    /// The Engine's jvmRoute, where there are several Tomcats.
    pub route: Option<String>,
}

/// Returns what each server.xml needs, in the order of the Tomcats.
///
/// # Errors
///
/// A name that is taken.
pub fn tomcat_sides(wanted: &InitRequest) -> Result<Vec<TomcatSide>, String> {
    let names = names(&wanted.tomcats)?;
    let has_routes = names.len() > 1;
    let sides = wanted.tomcats.iter().zip(names).map(|(tomcat, name)| TomcatSide {
        connector: connector(tomcat, wanted.secret.as_deref()),
        route: has_routes.then_some(name),
    });
    Ok(sides.collect())
}

fn names(tomcats: &[Tomcat]) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = Vec::new();
    for (tomcat, number) in tomcats.iter().zip(1..) {
        let name = match (&tomcat.name, tomcats) {
            (Some(name), _) => name.clone(),
            (None, [_]) => APP.to_owned(),
            (None, _) => format!("tomcat{number}"),
        };
        let is_taken = names.contains(&name)
            || (tomcats.len() > 1 && name == APP)
            || [STATUS, TEMPLATE, "list", "maintain"].contains(&name.as_str());
        if is_taken {
            return Err(format!(
                "{name}: this name is taken, give each Tomcat one of its own with name=host:port"
            ));
        }
        names.push(name);
    }
    Ok(names)
}

fn workers(wanted: &InitRequest, names: &[String]) -> String {
    let (several, app) = (names.len() > 1, app(names));
    let mut text = format!(
        "# The Tomcats behind this httpd. Made by jkctl init; check a change with: jkctl check\n\
         worker.list={app},{STATUS}\n\n\
         # What the workers have in common; a template is never used by itself.\n\
         worker.{TEMPLATE}.type=ajp13\n\
         worker.{TEMPLATE}.socket_keepalive=true\n\
         # Milliseconds to connect.\n\
         worker.{TEMPLATE}.socket_connect_timeout=3000\n\
         # Milliseconds without a piece of the answer before it is given up; raise it for slow pages.\n\
         worker.{TEMPLATE}.reply_timeout=300000\n\
         # Seconds an idle connection is kept: less than the connector's keepAliveTimeout.\n\
         worker.{TEMPLATE}.connection_pool_timeout=50\n"
    );
    if let Some(secret) = &wanted.secret {
        let _ = write!(
            text,
            "# The connector's attribute secret; only root needs to read this file.\nworker.{TEMPLATE}.secret={secret}\n"
        );
    }
    for (tomcat, name) in wanted.tomcats.iter().zip(names) {
        let _ = write!(
            text,
            "\nworker.{name}.reference=worker.{TEMPLATE}\nworker.{name}.host={}\n",
            tomcat.host
        );
        if tomcat.port > 0 {
            let _ = writeln!(text, "worker.{name}.port={}", tomcat.port);
        }
    }
    if several {
        let _ = write!(
            text,
            "\n# Sessions stay where they began: each name is the jvmRoute of that Tomcat's Engine.\n\
             worker.{APP}.type=lb\nworker.{APP}.balance_workers={}\nworker.{APP}.sticky_session=true\n",
            names.join(",")
        );
    }
    let _ = write!(
        text,
        "\n# Shows and changes the other workers; the Location in jk.conf restricts access.\nworker.{STATUS}.type=status\n"
    );
    text
}

/// The worker that rules name: the balancer, or the only Tomcat.
fn app(names: &[String]) -> &str {
    match names {
        [only] => only,
        _ => APP,
    }
}

fn mounts(mounts: &[String], app: &str) -> String {
    let mut text = "# Which URI goes to which worker: pattern=worker. \"a|b\" makes the rules \"a\" and \"ab\".\n".to_owned();
    for mount in mounts {
        let path = mount.trim_end_matches('/');
        let _ = match path {
            // Certificates are renewed over files that httpd serves.
            "" => writeln!(text, "/*={app}\n!/.well-known/acme-challenge/*={app}"),
            _ => writeln!(text, "{path}|/*={app}"),
        };
    }
    text
}

fn conf(dir: &str, module: &str) -> String {
    let dir = dir.trim_end_matches('/');
    format!(
        "# Made by jkctl init. Include it in the main server; it needs mod_authz_host.\n\
         # Without effect where another file has loaded the module, as a2enmod jk does on Debian.\n\
         <IfModule !jk_module>\n    LoadModule jk_module \"{module}\"\n</IfModule>\n\n\
         JkWorkersFile \"{dir}/workers.properties\"\n\
         JkMountFile \"{dir}/uriworkermap.properties\"\n\
         # The rules hold in all virtual hosts; one that says JkMountCopy Off has none of them.\n\
         JkMountCopy All\n\
         JkMount /{STATUS}|/* {STATUS}\n\
         # Behind another proxy on this machine every client looks local: then ask for a user.\n\
         <Location /{STATUS}>\n    Require local\n</Location>\n"
    )
}

fn connectors(wanted: &InitRequest, names: &[String]) -> String {
    let mut text =
        "<!-- For the server.xml of each Tomcat, inside its Service. Made by jkctl init. -->\n"
            .to_owned();
    for (tomcat, name) in wanted.tomcats.iter().zip(names) {
        let route = match names.len() > 1 {
            true => format!(
                "     Its Engine: <Engine name=\"Catalina\" defaultHost=\"localhost\" jvmRoute=\"{name}\">\n"
            ),
            false => String::new(),
        };
        let _ = write!(
            text,
            "\n<!-- {name}\n{route}-->\n{}\n",
            connector(tomcat, wanted.secret.as_deref())
        );
    }
    text
}

fn connector(tomcat: &Tomcat, secret: Option<&str>) -> String {
    let secret = match secret {
        Some(secret) => format!("secret=\"{}\"", escaped(secret)),
        None => "secretRequired=\"false\"".to_owned(),
    };
    let address = match (unix_path(&tomcat.host), tomcat.host.as_str()) {
        (Some(path), _) => format!(
            "unixDomainSocketPath=\"{path}\"\n           unixDomainSocketPathPermissions=\"rw-rw-rw-\""
        ),
        (None, "localhost") => format!("address=\"127.0.0.1\" port=\"{}\"", tomcat.port),
        (None, host) => format!("address=\"{host}\" port=\"{}\"", tomcat.port),
    };
    format!(
        "<Connector protocol=\"AJP/1.3\" {address}\n           {secret} keepAliveTimeout=\"60000\"/>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// The balancer, or the only Tomcat if it has no name.
const APP: &str = "app";
const STATUS: &str = "jk-status";
const TEMPLATE: &str = "template";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tomcats_as_they_are_written() {
        let tomcat = |name: Option<&str>, host: &str, port| {
            Ok(Tomcat { name: name.map(str::to_owned), host: host.to_owned(), port })
        };
        let cases = [
            ("10.0.0.5", tomcat(None, "10.0.0.5", 8009)),
            ("10.0.0.5:8010", tomcat(None, "10.0.0.5", 8010)),
            ("a-1=tomcat.example", tomcat(Some("a-1"), "tomcat.example", 8009)),
            ("::1", tomcat(None, "::1", 8009)),
            ("[::1]:8010", tomcat(None, "::1", 8010)),
            ("n=[fe80::1]", tomcat(Some("n"), "fe80::1", 8009)),
            ("unix:/run/a=b.sock", tomcat(None, "unix:/run/a=b.sock", 0)),
            ("n=unix:/run/a.sock", tomcat(Some("n"), "unix:/run/a.sock", 0)),
        ];
        for (text, expected) in cases {
            assert_eq!(Tomcat::parse(text), expected, "{text}");
        }
        let long = format!("unix:/{}", "x".repeat(107));
        let more = ["unix:", "unix:run/a.sock", "n=unix:a", "unix:/run/a#b", "unix:/a b", &long];
        let bad = ["", "h:0", "h:x", "=h", "a.b=h", "h h", "h#:1", "h:70000"];
        for text in bad.into_iter().chain(more) {
            assert!(Tomcat::parse(text).is_err(), "{text}");
        }
    }

    fn wanted(tomcats: &[&str], secret: Option<&str>) -> InitRequest {
        InitRequest {
            tomcats: tomcats.iter().map(|own| Tomcat::parse(own).expect("a Tomcat")).collect(),
            mounts: vec!["/".to_owned(), "/shop/".to_owned()],
            secret: secret.map(str::to_owned),
            dir: "/etc/jk/".to_owned(),
            module: "modules/mod_jk.so".to_owned(),
        }
    }

    #[test]
    fn what_is_not_safe_is_refused() {
        let refused =
            |tomcats: &[&str], secret| files(&wanted(tomcats, secret)).expect_err("unsafe");
        assert!(refused(&["10.0.0.5"], None).contains("another machine"));
        assert!(refused(&["10.0.0.5"], Some("a#b")).contains("must not have a #"));
        assert!(refused(&["a=h1", "a=h2"], Some("s")).contains("taken"));
        assert!(refused(&["app=h1", "h2"], Some("s")).contains("taken"));
        let mut bad = wanted(&["localhost"], None);
        bad.mounts = vec!["shop".to_owned()];
        assert!(files(&bad).expect_err("no path").contains("expected the path"));
    }

    #[test]
    fn the_secret_stands_in_files_of_the_owner_only() {
        let files = files(&wanted(&["10.0.0.5", "10.0.0.6"], Some("s<3&"))).expect("files");
        for file in &files {
            let holds = file.text.contains("s<3&") || file.text.contains("s&lt;3&amp;");
            assert_eq!(holds, file.is_secret, "{}", file.name);
        }
        let text = |name| &files.iter().find(|own| own.name == name).expect("a file").text;
        assert!(
            text("workers.properties").contains("worker.app.balance_workers=tomcat1,tomcat2\n")
        );
        assert!(text("uriworkermap.properties").contains("\n/*=app\n"));
        assert!(text("uriworkermap.properties").contains("\n/shop|/*=app\n"));
        assert!(text("connector.xml").contains("jvmRoute=\"tomcat2\""));
        assert!(text("jk.conf").contains("JkWorkersFile \"/etc/jk/workers.properties\""));
        assert!(text("jk.conf").contains("LoadModule jk_module \"modules/mod_jk.so\""));
    }
}
