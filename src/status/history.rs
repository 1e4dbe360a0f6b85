//! What has happened to a member or worker since httpd began, also when it is long over: its latest
//! failure, its outages, its latest health check.

use std::time::Duration;

use crate::status::condition::spelled;
use crate::status::view::{MemberView, ServerView, WorkerView};

/// Says what the latest failure was, and when.
pub fn last_failure(ajp: &WorkerView, server: &ServerView) -> String {
    match ajp.last_failure {
        Some(what) => {
            format!("{} ({}){}", what.what(), what.code(), at(server, ajp.last_failure_at))
        }
        None => "none since httpd began".to_owned(),
    }
}

/// Says how often it was out of service, and how long in all.
pub fn outages(count: u64, downtime: Duration) -> String {
    let times = match count {
        0 => return "never".to_owned(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    format!("{times}, {} in all", lasting(downtime))
}

/// Says what the latest health check found, how long it took, and when that was; nothing for a member
/// without a health check.
pub fn last_check(member: &MemberView, server: &ServerView) -> Option<String> {
    member.health?;
    Some(match member.last_check {
        Some(check) => format!(
            "{}: {} in {} ms{}",
            if check.has_passed { "passed" } else { "failed" },
            check_text(member),
            check.took_ms,
            at(server, check.at)
        ),
        None => "none has ended yet".to_owned(),
    })
}

/// Says what a health check found.
pub fn check_text(member: &MemberView) -> String {
    match (member.health_status, member.health_detail) {
        (0, Some(detail)) => format!("{} ({})", detail.what(), detail.code()),
        (0, None) => "no answer in time".to_owned(),
        (status, _) => format!("status {status}"),
    }
}

/// Says since when httpd runs, with how many children, and where its workers were read from, a line each.
pub fn of_httpd(server: &ServerView) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(began) = when(server, server.started_at) {
        let children = match server.children {
            1 => "1 child process".to_owned(),
            count => format!("{count} child processes"),
        };
        let (pid, uptime) = (server.child.pid, spelled(server.child.uptime.as_secs()));
        lines.push(format!(
            "httpd began {began}; {children}; this one, {pid}, has run for {uptime}"
        ));
    }
    if let Some(read) = when(server, server.configuration.read_at) {
        let file = server.configuration.workers_file.as_deref();
        lines.push(format!("Workers of {}, read {read}", file.unwrap_or("httpd.conf alone")));
    }
    lines
}

/// A moment and how long ago it was; nothing for never.
fn when(server: &ServerView, unix: i64) -> Option<String> {
    let at = server.moment(unix)?;
    let ago = spelled(u64::try_from(server.now.unix - unix).unwrap_or(0));
    Some(format!("{} {} ({ago} ago)", at.pretty(), at.tz))
}

/// The same behind what happened then.
fn at(server: &ServerView, unix: i64) -> String {
    when(server, unix).map(|when| format!(", {when}")).unwrap_or_default()
}

/// Less than a second is no outage of 0 s.
fn lasting(time: Duration) -> String {
    match time.as_secs() {
        0 => "less than 1 s".to_owned(),
        seconds => spelled(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::FailureDetail;
    use crate::status::view::{ChildView, ConfigurationView, Moment};

    fn server() -> ServerView {
        ServerView {
            now: Moment::at(1_700_000_300, 3_600),
            utc_offset: 3_600,
            started_at: 1_700_000_000,
            children: 3,
            child: ChildView { pid: 77, uptime: Duration::from_secs(250) },
            configuration: ConfigurationView {
                workers_file: Some("/etc/workers.properties".to_owned()),
                read_at: 1_700_000_240,
            },
            ..ServerView::default()
        }
    }

    #[test]
    fn outages_are_counted_and_add_up() {
        let told = |outages, ms| {
            let downtime = Duration::from_millis(ms);
            self::outages(outages, downtime)
        };
        assert_eq!(told(0, 0), "never");
        assert_eq!(told(1, 300), "once, less than 1 s in all");
        assert_eq!(told(4, 754_000), "4 times, 12 min in all");
    }

    #[test]
    fn the_latest_failure_has_its_time_in_the_zone_of_the_server() {
        let mut ajp = WorkerView::default();
        assert_eq!(last_failure(&ajp, &server()), "none since httpd began");
        (ajp.last_failure, ajp.last_failure_at) = (Some(FailureDetail::NoAddress), 1_700_000_180);
        let expected =
            "the host name has no address (JK-302), 2023-11-14 23:16:20 +0100 (2 min ago)";
        assert_eq!(last_failure(&ajp, &server()), expected);
    }

    #[test]
    fn httpd_says_what_it_runs_with() {
        let lines = [
            "httpd began 2023-11-14 23:13:20 +0100 (5 min ago); 3 child processes; this one, 77, has run for 4 min",
            "Workers of /etc/workers.properties, read 2023-11-14 23:17:20 +0100 (60 s ago)",
        ];
        assert_eq!(of_httpd(&server()), lines);
        assert_eq!(of_httpd(&ServerView::default()), Vec::<String>::new());
    }
}
