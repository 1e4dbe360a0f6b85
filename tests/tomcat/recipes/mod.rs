//! The recipes of the cookbook, as they stand there: httpd's side and Tomcat's are put together from the blocks of
//! each page, real requests go through them, and the commands below "See that it works" are run.
//!
//! What is replaced are addresses, ports and places of files, and where a test says so, times. One Tomcat has the
//! connectors of all recipes; each recipe has its own httpd.

mod bodies;
mod identity;
mod members;
mod operations;
mod site;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use crate::page::Page;
use crate::support::tomcat::{self, Tomcat};
use crate::support::{free_port, fresh_dir, root, skip};

/// A connector: the page, and how many of its connectors come before.
type Place = (&'static str, usize);

/// The connectors of each engine, by its `jvmRoute`. A page of two Tomcats shows the first one's only.
const ENGINES: &[(&str, &[Place])] = &[
    (
        "tomcat1",
        &[
            ("client-certificates", 0),
            ("coldfusion", 0),
            ("large-headers", 0),
            ("mod-proxy-ajp", 0),
            ("prometheus", 0),
            ("rolling-deployment", 0),
            ("shibboleth", 0),
            ("slow-backends", 0),
            ("status-page", 0),
            ("sticky-sessions", 0),
            ("tls", 0),
            ("tls", 1),
            ("uploads", 0),
            ("webdav", 0),
        ],
    ),
    ("node-b", &[("sticky-sessions", 1)]),
    (
        "tomcat2",
        &[("mod-proxy-ajp", SECOND), ("rolling-deployment", SECOND), ("slow-backends", SECOND)],
    ),
];

/// The connector of a second Tomcat that a page describes by its first.
const SECOND: usize = 100;

/// The Tomcat of all recipes.
struct Backends {
    _tomcat: Mutex<Tomcat>,
    ports: BTreeMap<Place, u16>,
    /// Where the applications are.
    apps: PathBuf,
}

impl Backends {
    fn port(&self, page: &'static str, number: usize) -> u16 {
        self.ports[&(page, number)]
    }
}

/// Returns the Tomcat; `None` where there is none. It ends with this program, see `Lifeline`.
fn backends() -> Option<&'static Backends> {
    static SHARED: OnceLock<Option<Backends>> = OnceLock::new();
    let start = || {
        if tomcat::home().is_none() {
            skip("tomcat", "no Tomcat: install libtomcat10-java and tomcat10-common");
            return None;
        }
        let dir = fresh_dir("recipes");
        let apps = dir.join("apps");
        deploy(&apps);
        let mut ports = BTreeMap::new();
        let mut services = String::new();
        for (route, places) in ENGINES {
            let mut connectors = String::new();
            for place in *places {
                let port = free_port();
                ports.insert(*place, port);
                connectors += &connector(*place, port);
            }
            // Tomcat's own test whether it serves.
            if *route == "tomcat1" {
                connectors += "<Connector protocol=\"AJP/1.3\" address=\"127.0.0.1\" port=\"${ajp.port}\" secretRequired=\"false\"/>\n";
            }
            services += &service(route, &connectors, &apps);
        }
        let server = format!("<Server port=\"-1\">\n{services}</Server>\n");
        let mut tomcat = Tomcat::alone(&dir, &server);
        tomcat.start();
        tomcat.await_service(&mut |_| {}).expect("the Tomcat of the recipes starts");
        Some(Backends { _tomcat: Mutex::new(tomcat), ports, apps })
    };
    SHARED.get_or_init(start).as_ref()
}

/// Takes a connector out of its page and gives it a port of this machine.
fn connector((page, number): Place, port: u16) -> String {
    let number = if number == SECOND { 0 } else { number };
    let text = page_of(page).texts("xml");
    let begin = text.match_indices("<Connector ").nth(number).expect("a connector").0;
    let end = begin + text[begin..].find("/>").expect("its end") + 2;
    let connector = with_attribute(&text[begin..end], "address", "127.0.0.1");
    with_attribute(&connector, "port", &port.to_string()) + "\n"
}

fn with_attribute(tag: &str, name: &str, value: &str) -> String {
    let begin = tag.find(&format!(" {name}=\"")).expect("the attribute") + name.len() + 3;
    let end = begin + tag[begin..].find('"').expect("its end");
    [&tag[..begin], value, &tag[end..]].concat()
}

fn service(route: &str, connectors: &str, apps: &Path) -> String {
    // The pages name these paths.
    let names: &[(&str, &str)] = match route {
        "tomcat1" => &[("", "shop"), ("/files", "files"), ("/portal", "shop"), ("/shop", "shop")],
        _ => &[("/shop", "shop")],
    };
    let contexts = names.iter().map(|(path, app)| {
        // Tomcat redirects to a path alone unless it is told otherwise.
        let is_full = *path == "/portal";
        format!(
            "<Context path=\"{path}\" useRelativeRedirects=\"{}\" docBase=\"{}\"><Parameter name=\"tomcat\" value=\"{route}\"/></Context>\n",
            !is_full,
            apps.join(app).display()
        )
    });
    format!(
        "<Service name=\"{route}\">\n{connectors}<Engine name=\"{route}\" defaultHost=\"localhost\" \
         jvmRoute=\"{route}\"><Host name=\"localhost\" appBase=\"none\">\n{}</Host></Engine></Service>\n",
        contexts.collect::<String>()
    )
}

/// Writes the applications: what they are told to be is in the pages as well.
fn deploy(apps: &Path) {
    for app in ["shop", "files"] {
        fs::create_dir_all(apps.join(app).join("WEB-INF")).expect("a directory");
    }
    let pages = root().join("tests/tomcat/recipes/webapp");
    for page in fs::read_dir(pages).expect("our pages").flatten() {
        fs::copy(page.path(), apps.join("shop").join(page.file_name())).expect("a file");
    }
    let jsp = |name: &str, pattern: &str, more: &str| {
        format!(
            "<servlet><servlet-name>{name}</servlet-name><jsp-file>/{name}.jsp</jsp-file>{more}</servlet>\n\
             <servlet-mapping><servlet-name>{name}</servlet-name><url-pattern>{pattern}</url-pattern>\
             </servlet-mapping>\n"
        )
    };
    let uploads = page_of("uploads").texts("xml");
    let multipart = &uploads[uploads.find("<multipart-config>").expect("its limits")..];
    let shop = [
        jsp("who", "/health", ""),
        jsp("whoami", "/whoami", ""),
        jsp("slow", "/reports/slow", ""),
        jsp("login", "/login", ""),
        jsp("parts", "/parts", multipart),
        "<welcome-file-list><welcome-file>session.jsp</welcome-file></welcome-file-list>\n".to_owned(),
        "<servlet-mapping><servlet-name>whoami</servlet-name><url-pattern>*.cfm</url-pattern>\
         </servlet-mapping>\n"
            .to_owned(),
        // Takes a file by PUT.
        "<servlet><servlet-name>put</servlet-name>\
         <servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class>\
         <init-param><param-name>readonly</param-name><param-value>false</param-value></init-param></servlet>\n\
         <servlet-mapping><servlet-name>put</servlet-name><url-pattern>/upload</url-pattern></servlet-mapping>\n"
            .to_owned(),
    ]
    .concat();
    let webdav = page_of("webdav").texts("xml");
    let webdav = &webdav[webdav.find("<servlet>").expect("the servlet")..];
    for (app, text) in [("shop", &*shop), ("files", webdav)] {
        let text = format!(
            "<web-app xmlns=\"https://jakarta.ee/xml/ns/jakartaee\" version=\"5.0\">\n{text}</web-app>\n"
        );
        fs::write(apps.join(app).join("WEB-INF/web.xml"), text).expect("a file");
    }
}

fn page_of(name: &str) -> Page {
    Page::read(Path::new(&format!("docs/cookbook/{name}.md")))
}

impl Page {
    /// Joins all blocks of a language.
    fn texts(&self, language: &str) -> String {
        let (blocks, _) = self.blocks();
        let own = blocks.iter().filter(|block| block.language == language);
        own.map(|block| block.text.as_str()).collect()
    }
}

/// Does nothing where there is no Tomcat, having said so.
macro_rules! backends_or_skip {
    () => {
        match crate::recipes::backends() {
            Some(backends) => backends,
            None => return,
        }
    };
}
use backends_or_skip;
