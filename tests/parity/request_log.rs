//! The lines of JkRequestLogFormat and the stamps of JkLogStampFormat, beside those of the
//! original.

use std::path::PathBuf;

use crate::support::client::Client;
use crate::support::httpd::Setup;
use crate::support::skip;
use crate::{oracle, recorder::Recorder};

const FORMAT: &str =
    r"b=%b B=%B H=%H m=%m p=%p q=%q r=%r s=%s T=%T U=%U v=%v V=%V w=%w R=%R \\t=\\\\ \\q ";

/// Method, path, host and more header lines.
const REQUESTS: &[(&str, &str)] = &[
    ("GET /w/x HTTP/1.1\nHost: www.example.org\n\n", "GET"),
    ("GET /w/x?a=b&c HTTP/1.1\nHost: www.example.org:81\n\n", "GET"),
    ("GET /w/x? HTTP/1.1\nHost: h\n\n", "GET"),
    ("HEAD /w/x HTTP/1.1\nHost: h\n\n", "HEAD"),
    ("POST /w/x HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello", "POST"),
    ("PROPFIND /w/x HTTP/1.1\nHost: h\n\n", "PROPFIND"),
    ("GET /lb/x HTTP/1.1\nHost: h\n\n", "GET"),
    ("GET /lb/x HTTP/1.1\nHost: h\nCookie: JSESSIONID=A.n1\n\n", "GET"),
    ("GET /w/a%20b/./c/../d;v=1/e HTTP/1.1\nHost: h\n\n", "GET"),
    ("GET http://user:secret@h/w/x?q HTTP/1.1\nHost: h\n\n", "GET"),
    ("GET /nosuch/x HTTP/1.1\nHost: h\n\n", "GET"),
    ("GET /unmapped HTTP/1.1\nHost: h\n\n", "GET"),
    ("GET /down/x HTTP/1.1\nHost: h\n\n", "GET"),
    ("GET /down/x HTTP/1.1\nHost: own\n\n", "GET"),
    ("GET /nosuch/x HTTP/1.1\nHost: own\n\n", "GET"),
    ("GET /local.html HTTP/1.1\nHost: own\n\n", "GET"),
    ("GET /w/x HTTP/1.1\nHost: off\n\n", "GET"),
    ("GET /w/x HTTP/1.1\nHost: bad\n\n", "GET"),
    ("GET /w/x HTTP/1.1\nHost: canonical\n\n", "GET"),
    ("GET /empty/x HTTP/1.1\nHost: h\n\n", "GET"),
];

/// Returns the lines without their stamps, which begin with a `T`.
fn lines(module: Option<PathBuf>, name: &str) -> Vec<String> {
    let recorder = Recorder::start();
    let workers = format!(
        "worker.list=lb,w,down\nworker.lb.type=lb\nworker.lb.balance_workers=n1\nworker.n1.host=127.0.0.1\n\
         worker.n1.port={port}\nworker.w.host=127.0.0.1\nworker.w.port={port}\n\
         worker.down.host=127.0.0.1\nworker.down.port=1\nworker.down.retries=1\n",
        port = recorder.port
    );
    let config = format!(
        "JkMount /lb/* lb\nJkMount /w/* w\nJkMount /down/* down\nJkMount /nosuch/* nosuch\n\
         JkLogLevel emerg\nJkLogStampFormat T\nHttpProtocolOptions Unsafe\nJkRequestLogFormat \"{FORMAT}\"\n",
    );
    let mut httpd = Setup { name, mpm: "event", config: &config, workers: &workers }.prepare();
    httpd.expect("\"nosuch\"");
    httpd.expect("JkRequestLogFormat");
    httpd.expect("JK-");
    httpd.expect("_request_log");
    let port = httpd.port;
    let hosts = format!(
        "<VirtualHost 127.0.0.1:{port}>\nServerName first\nJkMountCopy On\n</VirtualHost>\n\
         <VirtualHost 127.0.0.1:{port}>\nServerName own\nJkMountCopy On\nErrorDocument 503 /local.html\n\
         ErrorDocument 500 /w/error\nJkRequestLogFormat \"own %w %s %b %U\\\\nTsecond\"\n</VirtualHost>\n\
         <VirtualHost 127.0.0.1:{port}>\nServerName bad\nJkMountCopy On\nJkRequestLogFormat \"%Z\"\n</VirtualHost>\n\
         <VirtualHost 127.0.0.1:{port}>\nServerName https://off:8443\nJkMountCopy On\nJkRequestLogFormat \"off %p %v %V\"\n</VirtualHost>\n\
         <VirtualHost 127.0.0.1:{port}>\nServerName canonical:99\nUseCanonicalName On\nJkMountCopy On\n</VirtualHost>\n"
    );
    let shm = if module.is_some() { "JkShmFile @DIR@/shm\n" } else { "" };
    let dir = httpd.dir.display().to_string();
    httpd.write("httpd.conf", &(httpd.log("httpd.conf") + &hosts + &shm.replace("@DIR@", &dir)));
    httpd.write("htdocs/local.html", "local page");
    httpd.use_module(module);
    httpd.launch();
    for (request, method) in REQUESTS {
        let bytes = request.replace('\n', "\r\n");
        Client::connect(httpd.port).raw(bytes.as_bytes(), method);
    }
    httpd.stop();
    let text = httpd.log("jk.log").replace(&port.to_string(), "PORT");
    let mut lines: Vec<_> =
        text.lines().filter(|line| line.starts_with('T')).map(without_time).collect();
    // A line is written after its answer, so that the next one may come before it.
    lines.sort();
    lines
}

/// Makes a `d` of each digit of the duration.
fn without_time(line: &str) -> String {
    let Some((before, rest)) = line.split_once(" T=") else { return line.to_owned() };
    let (time, after) = rest.split_once(' ').unwrap_or((rest, ""));
    let time = time.replace(|c: char| c.is_ascii_digit(), "d");
    format!("{before} T={time} {after}")
}

#[test]
fn request_lines_are_the_same() {
    let Some(oracle) = oracle() else {
        skip("parity", "the original mod_jk is missing; Debian package: libapache2-mod-jk");
        return;
    };
    let own = lines(None, "request-log-own");
    let theirs = lines(Some(oracle), "request-log-original");
    assert!(
        theirs.len() > 10 && theirs.iter().any(|line| line.contains(" T=d.dddddd ")),
        "{theirs:#?}"
    );
    assert_eq!(own, theirs, "\nown: {own:#?}\noriginal: {theirs:#?}");
}

/// Returns the stamp a format makes, its digits as `d`.
fn stamps(module: Option<PathBuf>, name: &str) -> Vec<String> {
    let recorder = Recorder::start();
    let workers =
        format!("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={}\n", recorder.port);
    let shm = if module.is_some() { "JkShmFile @DIR@/shm\n" } else { "" };
    let config = format!("JkMount /w/* w\nJkMountCopy All\nJkLogLevel emerg\n{shm}");
    let mut httpd = Setup { name, mpm: "event", config: &config, workers: &workers }.prepare();
    let formats = formats();
    let hosts: String = formats
        .iter()
        .enumerate()
        .map(|(number, format)| {
            format!(
                "<VirtualHost 127.0.0.1:{}>\nServerName h{number}\nJkLogStampFormat \"{format}\"\nJkRequestLogFormat \"<<\"\nJkLogFile {}/jk{number}.log\n</VirtualHost>\n",
                httpd.port,
                httpd.dir.display()
            )
        })
        .collect();
    httpd.write("httpd.conf", &(httpd.log("httpd.conf") + &hosts));
    httpd.use_module(module);
    httpd.launch();
    for number in 0..formats.len() {
        let request = format!("GET /w/x HTTP/1.1\r\nHost: h{number}\r\n\r\n");
        assert_eq!(Client::connect(httpd.port).raw(request.as_bytes(), "GET").status, 200);
    }
    httpd.stop();
    let digits = |text: String| text.replace(|c: char| c.is_ascii_digit(), "d");
    (0..formats.len()).map(|number| digits(httpd.log(&format!("jk{number}.log")))).collect()
}

fn formats() -> Vec<String> {
    let mut formats: Vec<_> = [
        "[%Y.%Q] ",
        "[%Y.%q] ",
        "%Q %Q %q",
        "%q %Q",
        "%q %q",
        "%Y-%m-%dT%H:%M:%S.%Q%z ",
        "plain ",
        "%E %Q",
    ]
    .map(str::to_owned)
    .to_vec();
    for front in 52..66 {
        let front = "x".repeat(front);
        formats.extend([
            format!("{front}%Q"),
            format!("{front}%q"),
            format!("{front}%Qyyyyyyyyyyyyyyyyyyyy"),
        ]);
    }
    formats.push("z".repeat(100));
    formats
}

#[test]
fn stamps_are_the_same() {
    let Some(oracle) = oracle() else {
        skip("parity", "the original mod_jk is missing; Debian package: libapache2-mod-jk");
        return;
    };
    let own = stamps(None, "stamps-own");
    let theirs = stamps(Some(oracle), "stamps-original");
    let pairs = own.iter().zip(&theirs).zip(formats());
    let wrong: Vec<_> = pairs.filter(|((own, theirs), _)| own != theirs).collect();
    assert!(wrong.is_empty(), "own, original, format: {wrong:#?}");
    assert!(theirs[0].contains("[dddd.ddd] <<"), "{}", theirs[0]);
}
