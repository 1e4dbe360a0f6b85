//! Which status a failure has, where no other test looks at it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::bare::{Then, serving};
use crate::support::backend::{Backend, Reply, end, head, ok};
use crate::support::client::Client;
use crate::support::httpd::{Setup, load};
use crate::support::{free_port, wait_until};

#[test]
fn each_failure_has_its_status() {
    let backend = Backend::start(|request| match request.uri.as_str() {
        "/app/bare-404" => Reply::Bytes([head(404, &[]), end(true)].concat()),
        "/app/large" => Reply::Bytes(ok(&[], &vec![b'x'; 8_000_000])),
        _ => Reply::Bytes(ok(&[], b"ok")),
    });
    // It takes the first block of a body and is gone.
    let leaver = serving(|_, _| Then::Close);
    let workers = format!(
        "worker.list=w,leaver,old,off\nworker.w.host=127.0.0.1\nworker.w.port={}\n\
         worker.leaver.host=127.0.0.1\nworker.leaver.port={leaver}\nworker.leaver.replay_size=0\n\
         worker.old.type=ajp12\nworker.old.host=127.0.0.1\nworker.old.port={}\nworker.off.port=0\n",
        backend.port,
        free_port()
    );
    let config = format!(
        "{}JkMount /app/* w\nJkMount /left leaver\nJkMount /old old\nJkMount /off off\n\
         LuaHookFixups @DIR@/proxied.lua proxied\n\
         SetEnvIf Request_URI /huge HUGE=@HUGE@\nJkEnvVar HUGE\nErrorDocument 404 \"httpd's page\"\n",
        load(&["lua"])
    );
    let config = config.replace("@HUGE@", &"x".repeat(8_100));
    let setup = Setup { name: "errors", mpm: "event", config: &config, workers: &workers };
    let mut httpd = setup.prepare();
    for line in ["JK-303", "JK-305", "JK-306", "JK-309", "JK-313", "is treated as ajp13", "JK-208"]
    {
        httpd.expect(line);
    }
    // Requests of mod_proxy end in its own handler, which comes first; a script can make one late.
    let script = "function proxied(r)\n if r.uri:find('/proxied', 1, true) then\n \
        r.proxyreq = apache2.PROXYREQ_REVERSE\n r.handler = 'jakarta-servlet'\n end\n \
        return apache2.DECLINED\nend\n";
    httpd.write("proxied.lua", script);
    httpd.launch();
    let get = |path: &str| {
        let response = Client::connect(httpd.port).get(path);
        (response.status, response.text())
    };
    assert_eq!(get("/app/x"), (200, "ok".to_owned()));
    assert_eq!(get("/proxied/x").0, 500, "a proxy request is not ours");
    assert_eq!(get("/app/huge").0, 500, "what the configuration adds does not fit");
    assert_eq!(get("/app/bare-404"), (404, String::new()), "an empty body stays empty");
    assert_eq!(get("/old").0, 503, "no process listens, ajp12 or not");
    assert_eq!(get("/off").0, 503, "port 0");

    // The backend goes while the body is on its way; nothing of it can be sent again.
    let body = vec![b'x'; 3_000_000];
    let response = Client::connect(httpd.port).request("POST", "/left", &[], &body);
    assert!([502, 503].contains(&response.status), "{}", response.status);

    // A client that stops reading is no fault of the backend.
    let mut stream = TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd accepts");
    stream.write_all(b"GET /app/large HTTP/1.1\r\nHost: h\r\n\r\n").expect("httpd reads");
    stream.read_exact(&mut [0; 1000]).expect("the response begins");
    drop(stream);
    let is_said = || httpd.log("jk.log").contains("JK-308");
    assert!(wait_until(Duration::from_secs(20), is_said), "{}", httpd.log("jk.log"));
    assert_eq!(get("/app/x").0, 200);
}
