//! The scenario without Tomcat: two scripted containers that share their sessions in memory. It
//! shows balancing and failover of the module; replication is only acted.

use std::sync::{Arc, Mutex};

use super::support::container::{Container, Reply, Request, ok};
use super::{ensure, get, server_of, start_httpd, stay};

type Attributes = Arc<Mutex<Vec<(String, String)>>>;

pub fn run(is_check: bool) -> Result<(), String> {
    let shared = Attributes::default();
    let mut members = [
        Some(Container::start(page("worker1", Arc::clone(&shared)))),
        Some(Container::start(page("worker2", Arc::clone(&shared)))),
    ];
    let ports = [0, 1].map(|index| members[index].as_ref().map_or(0, |member| member.port));
    println!("1. httpd starts with the balancer \"controller\" over two test containers");
    let httpd = start_httpd(ports);
    let url = format!("http://127.0.0.1:{}/", httpd.port);

    println!("2. Both take load: 20 requests for /test.jsp");
    let mut served = [0, 0];
    for _ in 0..20 {
        let response = get(&httpd, "/test.jsp", None)?;
        served[usize::from(response.text().contains("worker2"))] += 1;
    }
    println!("   worker1 answered {}, worker2 answered {}", served[0], served[1]);
    ensure(served[0] > 0 && served[1] > 0, "both members answer")?;

    println!("3. A session gets the attribute color = blue");
    let response = get(&httpd, "/index.jsp?dataName=color&dataValue=blue", None)?;
    let first = server_of(&response)?;
    println!("4. {first} is stopped");
    let dead = usize::from(first == "worker2");
    members[dead] = None;
    let response = get(&httpd, "/index.jsp", Some("JSESSIONID=TEST.x"))?;
    let second = server_of(&response)?;
    println!("   the next request is answered by {second}");
    ensure(second != first, "the other member answers")?;
    ensure(response.text().contains("color = blue"), "the attribute is still there")?;
    stay(&url, is_check);
    Ok(())
}

/// Pages that look like those of the real web application.
fn page(
    route: &'static str,
    shared: Attributes,
) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| {
        if request.uri.ends_with("/test.jsp") {
            return Reply::Bytes(ok(&[], format!("Hello from {route}").as_bytes()));
        }
        let query = request.query.clone().unwrap_or_default();
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(own, _)| *own == name).map(|(_, value)| value.to_owned())
        };
        let mut attributes = shared.lock().expect("no panic under the lock");
        attributes.extend(value("dataName").zip(value("dataValue")));
        let lines = attributes.iter().map(|(name, value)| format!("{name} = {value}<br>\n"));
        let text = format!("Server: {route}<br>\n{}", lines.collect::<String>());
        let cookie = format!("JSESSIONID=TEST.{route}; Path=/");
        Reply::Bytes(ok(&[("Set-Cookie", &cookie)], text.as_bytes()))
    }
}
