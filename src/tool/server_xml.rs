//! A connector for Tomcat's `server.xml`, with every other byte of the file as it was.

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Puts a connector before the Engine of the first Service, and gives the Engine a route.
///
/// # Errors
///
/// Line and reason, if the file cannot take it or has what belongs there already.
pub fn with_connector(
    text: &str,
    connector: &str,
    route: Option<&str>,
) -> Result<String, (usize, String)> {
    let service = Service::read(text)?;
    let failed = |at: usize, why: String| (line_of(text, at), why);
    if let Some(at) = service.connector {
        return Err(failed(
            at,
            "there is an AJP connector already: write its secret into a file, and use --secret-file instead of --server-xml".to_owned(),
        ));
    }
    let Some(engine) = service.engine else {
        return Err((1, "no Service with an Engine: is this Tomcat's server.xml?".to_owned()));
    };
    let start = text[..engine.start].rfind('\n').map_or(0, |line| line + 1);
    let indent = &text[start..engine.start];
    // Something else on the Engine's line stays there.
    let (at, indent) = match indent.trim().is_empty() {
        true => (start, indent),
        false => (engine.start, ""),
    };
    let mut lines = String::new();
    for line in connector.lines() {
        lines += &format!("{indent}{line}\n");
    }
    let mut made = String::from(&text[..at]);
    made += &lines;
    match (route, engine.route) {
        (Some(route), Some(own)) if own != route => {
            return Err(failed(
                engine.start,
                format!(
                    "the Engine's jvmRoute is \"{own}\" and the worker would be {route}: sessions would not stay; name the worker with --tomcat {own}=HOST:PORT"
                ),
            ));
        }
        (Some(route), None) => {
            made += &text[at..engine.name_end];
            made += &format!(" jvmRoute=\"{route}\"");
            made += &text[engine.name_end..];
        }
        _ => made += &text[at..],
    }
    // What was written is read again: a file that Tomcat cannot read would stop it.
    match Service::read(&made) {
        Ok(Service { connector: Some(_), .. }) => Ok(made),
        _ => Err((line_of(text, at), "the connector does not fit here: add it by hand".to_owned())),
    }
}

/// What the first Service with an Engine consists of, by offsets.
#[derive(Debug, Default)]
struct Service {
    connector: Option<usize>,
    engine: Option<Engine>,
}

#[derive(Debug)]
struct Engine {
    start: usize,
    /// Behind the name of its tag.
    name_end: usize,
    route: Option<String>,
}

impl Service {
    fn read(text: &str) -> Result<Self, (usize, String)> {
        let mut reader = Reader::from_str(text);
        let (mut depth, mut inside, mut service) = (0_u32, None, Self::default());
        loop {
            let start = position(&reader);
            let event = reader.read_event().map_err(|why| {
                let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
                (line_of(text, at), format!("this is not well-formed XML: {why}"))
            })?;
            match &event {
                Event::Eof if depth == 0 => return Ok(service),
                Event::Eof => {
                    return Err((
                        line_of(text, text.len()),
                        "the file ends inside a tag".to_owned(),
                    ));
                }
                Event::Start(tag) | Event::Empty(tag) => {
                    let is_open = matches!(event, Event::Start(_));
                    match tag.name().as_ref() {
                        "Service" if is_open && service.engine.is_none() => inside = Some(depth),
                        "Connector" if inside.is_some() && is_ajp(tag) => {
                            service.connector.get_or_insert(start);
                        }
                        "Engine" if inside.is_some() => {
                            service.engine.get_or_insert_with(|| Engine {
                                start,
                                name_end: start + "<Engine".len(),
                                route: attribute(tag, "jvmRoute"),
                            });
                        }
                        _ => {}
                    }
                    depth += u32::from(is_open);
                }
                Event::End(_) => {
                    depth = depth.saturating_sub(1);
                    inside = inside.filter(|outer| *outer < depth);
                }
                _ => {}
            }
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// Tells whether a connector speaks AJP, by the short name or by that of a class.
fn is_ajp(connector: &BytesStart<'_>) -> bool {
    attribute(connector, "protocol").is_some_and(|own| own.to_ascii_lowercase().contains("ajp"))
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = tag.try_get_attribute(name).ok().flatten()?;
    Some(value.value.into_owned())
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTOR: &str =
        "<Connector protocol=\"AJP/1.3\" port=\"8009\"\n           secret=\"s\"/>";

    /// As Tomcat comes: its own AJP connector is a comment.
    const FRESH: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- <Engine/> -->\n<Server port=\"-1\">\n  <Service name=\"Catalina\">\n    <Connector port=\"8080\" protocol=\"HTTP/1.1\" />\n    <!--\n    <Connector protocol=\"AJP/1.3\" port=\"8009\" />\n    -->\n    <Engine name=\"Catalina\" defaultHost=\"localhost\">\n    </Engine>\n  </Service>\n</Server>\n";

    #[test]
    fn nothing_but_the_connector_is_new() {
        let made = with_connector(FRESH, CONNECTOR, None).expect("it fits");
        let lines =
            "    <Connector protocol=\"AJP/1.3\" port=\"8009\"\n               secret=\"s\"/>\n";
        let (before, after) = made.split_once(lines).expect("it is there, indented");
        assert_eq!(format!("{before}{after}"), FRESH);
        assert!(after.starts_with("    <Engine "), "{after}");
    }

    #[test]
    fn a_route_is_given_once() {
        let made = with_connector(FRESH, CONNECTOR, Some("n1")).expect("it fits");
        assert!(made.contains("<Engine jvmRoute=\"n1\" name=\"Catalina\""), "{made}");
        let routed = FRESH.replace("<Engine name", "<Engine jvmRoute=\"n2\" name");
        assert!(with_connector(&routed, CONNECTOR, Some("n2")).is_ok());
        assert!(with_connector(&routed, CONNECTOR, None).is_ok());
        let (line, why) = with_connector(&routed, CONNECTOR, Some("n1")).expect_err("another");
        assert_eq!(line, 9);
        assert!(why.contains("jvmRoute is \"n2\""), "{why}");
    }

    #[test]
    fn a_line_that_is_shared_is_kept() {
        let one = FRESH.replace('\n', "");
        let made = with_connector(&one, CONNECTOR, Some("n1")).expect("it fits");
        assert!(made.contains("secret=\"s\"/>\n<Engine jvmRoute=\"n1\""), "{made}");
    }

    #[test]
    fn what_cannot_take_it_is_named_by_line() {
        let open = FRESH.replace("    <!--\n", "").replace("    -->\n", "");
        let class = open.replace("AJP/1.3", "org.apache.coyote.ajp.AjpNioProtocol");
        for (text, line, reason) in [
            (open.as_str(), 6, "already"),
            (&class, 6, "already"),
            ("<Server/>", 1, "no Service"),
            ("# worker.list=w\n", 1, "no Service"),
            ("<Server>\n<Service>\n<Engine/>\n", 4, "ends inside"),
            ("<Server>\n<Service>\n</Server>\n", 3, "not well-formed"),
        ] {
            let (at, why) = with_connector(text, CONNECTOR, None).expect_err("it does not fit");
            assert_eq!(at, line, "{why}: {text}");
            assert!(why.contains(reason), "{why}");
        }
    }
}
