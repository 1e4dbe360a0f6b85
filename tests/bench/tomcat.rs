//! A real Tomcat behind the servers. It is slower than what is measured, so that only the CPU time of
//! httpd says something.

use std::path::Path;

use crate::exact::Kind;
use crate::load::{Scene, scene};
use crate::servers::Place;
use crate::support::tomcat::Tomcat;
use crate::support::{free_port, module, root};

/// Starts one Tomcat with a page that has no session, and warms it up.
pub fn start(dir: &Path) -> (Tomcat, Place) {
    let http = free_port();
    let server = format!(
        "<Server port=\"-1\"><Service name=\"Catalina\">\n\
         <Connector protocol=\"AJP/1.3\" address=\"127.0.0.1\" port=\"${{ajp.port}}\" secretRequired=\"false\"/>\n\
         <Connector address=\"127.0.0.1\" port=\"{http}\" maxKeepAliveRequests=\"-1\"/>\n\
         <Engine name=\"Catalina\" defaultHost=\"localhost\">\
         <Host name=\"localhost\" appBase=\"webapps\" autoDeploy=\"false\">\
         <Context path=\"/x\" docBase=\"{}\"/></Host></Engine></Service></Server>\n",
        root().join("tests/bench/webapp").display()
    );
    let mut tomcat = Tomcat::alone(dir, &server);
    tomcat.options = &["-Xms512m", "-Xmx512m", "-XX:+UseSerialGC"];
    tomcat.start();
    tomcat.await_service(&mut |_| {}).expect("Tomcat starts");
    // No scene asks this Tomcat over a socket.
    let place = Place::new(&module(), tomcat.ajp_port, http, dir.join("no-socket"));
    warm_up(&place);
    (tomcat, place)
}

/// Serves until it serves no faster: Java compiles what it runs often.
fn warm_up(place: &Place) {
    for kind in [Kind::SMALL, Kind::MEDIUM, Kind::POST] {
        let one = Scene::TOMCAT.into_iter().find(|own| own.kind.name == kind.name);
        let one = one.expect("each kind has a scene");
        let mut last = 0.0;
        for _ in 0..MOST_ROUNDS {
            let found = scene(place, &Scene { peers: &one.peers[..1], ..one }, 1);
            let found = found.of(one.peers[0], |own| own.per_second);
            let now = found.map_or(0.0, |own| own.median);
            if now < last * STABLE {
                break;
            }
            last = now;
        }
    }
}

/// A round must bring more than this to be followed by another.
const STABLE: f64 = 1.05;
const MOST_ROUNDS: usize = 5;
