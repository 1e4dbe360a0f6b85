use std::collections::BTreeMap;

use crate::health::http_check::*;

fn read(text: &str) -> (Option<HealthCheck>, Vec<Mistake>) {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let properties: BTreeMap<_, _> = lines.collect();
    HealthCheck::read(|name| properties.get(name).map(|value| (*value).to_owned()))
}

fn good(text: &str) -> HealthCheck {
    let (check, wrong) = read(text);
    assert_eq!(wrong, [], "{text}");
    check.expect("a health check")
}

#[test]
fn defaults_and_settings() {
    assert_eq!(read(""), (None, Vec::new()));
    let check = good("health_check=GET /health");
    let seconds = Duration::from_secs;
    assert_eq!((check.interval, check.timeout), (seconds(5), seconds(2)));
    assert_eq!((check.rise, check.fall), (2, 3));
    let accepted: Vec<_> = [200, 302, 399, 400, 404, 503].map(|s| check.accepts(s)).into();
    assert_eq!(accepted, [true, true, true, false, false, false]);
    let check = good(
        "health_check=head  /a/b?c=d\nhealth_check_status=204, 300-301 404\nhealth_check_interval=1\n\
         health_check_timeout=50\nhealth_check_rise=1\nhealth_check_fall=9\nhealth_check_host=www.test:81",
    );
    assert_eq!(check.label(), "HEAD /a/b?c=d");
    assert_eq!((check.interval, check.timeout), (seconds(1), Duration::from_millis(50)));
    assert_eq!((check.rise, check.fall), (1, 9));
    let accepted: Vec<_> = [200, 204, 299, 300, 301, 302, 404].map(|s| check.accepts(s)).into();
    assert_eq!(accepted, [false, true, false, true, true, false, true]);
}

#[test]
fn what_is_shown_means_the_same() {
    assert!(HealthCheck::settings(None).iter().all(|(_, value)| value.is_empty()));
    let check = good(
        "health_check=HEAD /a?b\nhealth_check_status=200,300-301\nhealth_check_interval=7\n\
         health_check_timeout=70\nhealth_check_rise=4\nhealth_check_fall=6\nhealth_check_host=h",
    );
    let shown = HealthCheck::settings(Some(&check));
    let lines: Vec<_> = shown.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(good(&lines.join("\n")), check);
}

#[test]
fn mistakes_check_nobody_or_change_nothing() {
    for request in [
        "/health",
        "GET",
        "GET health",
        "POST /health",
        "GET /he alth",
        "GET /\u{e9}",
        "GET /a#b",
        "GET http://host/",
    ] {
        let (check, wrong) = read(&format!("health_check={request}"));
        assert_eq!(check, None, "{request}");
        assert_eq!(wrong.len(), 1, "{request}");
        assert!(wrong[0].1.contains("members are not checked"), "{}", wrong[0].1);
    }
    let (check, wrong) = read(&format!("health_check=GET /{}", "x".repeat(9_000)));
    assert!(check.is_none() && wrong[0].1.contains("8192"), "{wrong:?}");
    let default = good("health_check=GET /");
    for line in [
        "health_check_interval=0",
        "health_check_interval=5s",
        "health_check_timeout=-1",
        "health_check_rise=0",
        "health_check_fall=many",
        "health_check_status=",
        "health_check_status=2xx",
        "health_check_status=100",
        "health_check_status=300-200",
        "health_check_host=a/b",
        "health_check_host=a\tb",
    ] {
        let (check, wrong) = read(&format!("health_check=GET /\n{line}"));
        assert_eq!(check.as_ref(), Some(&default), "{line}");
        assert_eq!(wrong.len(), 1, "{line}: {wrong:?}");
        assert!(line.starts_with(wrong[0].0), "{line}: {wrong:?}");
        let (check, wrong) = read(line);
        assert!(
            check.is_none() && wrong[0].1.contains("without health_check"),
            "{line}: {wrong:?}"
        );
    }
}

/// Field by field, as AJP13 lays a request out.
#[test]
fn the_question_is_a_whole_request() {
    let check = good("health_check=GET /up?q=1\nhealth_check_host=www.test:81");
    let packet = check.question(Some(b"s3cret")).expect("it fits");
    let string = |text: &str| {
        let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
        bytes.extend(text.bytes());
        bytes.push(0);
        bytes
    };
    let mut expected = vec![2, 2];
    for text in ["HTTP/1.1", "/up", "127.0.0.1"] {
        expected.extend(string(text));
    }
    expected.extend([0xff, 0xff]);
    expected.extend(string("www.test"));
    expected.extend([0, 81, 0, 0, 3]);
    for (code, value) in [(0x0b, "www.test:81"), (0x0e, "mod_jk health check"), (0x08, "0")] {
        expected.extend([0xa0, code]);
        expected.extend(string(value));
    }
    for (code, value) in [(0x0c, "s3cret"), (0x05, "q=1")] {
        expected.push(code);
        expected.extend(string(value));
    }
    expected.push(0xff);
    let (head, payload) = packet.split_at(4);
    assert_eq!(payload, expected);
    assert_eq!(head[..2], [0x12, 0x34]);
    assert_eq!(usize::from(u16::from_be_bytes([head[2], head[3]])), expected.len());
}

fn head(status: u16) -> Vec<u8> {
    let [high, low] = status.to_be_bytes();
    vec![4, high, low, 0, 0, 0, 0, 0]
}

#[test]
fn responses_are_read_to_their_end() {
    let check = good("health_check=GET /");
    let mut reader = check.reader();
    assert_eq!(reader.packet(&head(503)), Ok(None));
    assert_eq!(reader.packet(&[3, 0, 2, b'n', b'o', 0]), Ok(None));
    assert_eq!(reader.packet(&[5, 1]), Ok(Some(503)));
    assert!(check.reader().packet(&[5, 1]).is_err(), "an end without a beginning");
    assert!(check.reader().packet(&[77]).is_err());
    assert!(check.reader().packet(&[]).is_err());
    let mut reader = check.reader();
    assert_eq!(reader.packet(&head(200)), Ok(None));
    let mut chunk = vec![3, 0xff, 0x00];
    chunk.resize(3 + 0xff00 + 1, b'x');
    let answers: Vec<_> = (0..20).map(|_| reader.packet(&chunk).expect("an answer")).collect();
    assert_eq!(answers[..15], [None; 15]);
    assert_eq!(answers[19], Some(200), "enough has come");
    let mut reader = good("health_check=HEAD /").reader();
    assert_eq!(reader.packet(&head(204)), Ok(None));
    assert_eq!(reader.packet(&[5, 0]), Ok(Some(204)));
}

#[test]
fn answers_in_a_row_decide() {
    let check = good("health_check=GET /\nhealth_check_rise=2\nhealth_check_fall=3");
    let mut streak = Streak::default();
    let mut record = |is_good| {
        streak.record(is_good);
        streak.verdict(&check)
    };
    let answers = [true, true, true, false, false, true, false, false, false, false, true, true];
    let verdicts: Vec<_> = answers.into_iter().map(&mut record).collect();
    let (healthy, unhealthy) = (Some(true), Some(false));
    let expected =
        [None, healthy, healthy, None, None, None, None, None, unhealthy, unhealthy, None, healthy];
    assert_eq!(verdicts, expected);
}
