//! The status worker: who may ask, what is changed, in which form the answer goes out.

use super::workers::{VERSION, Workers};
use super::{Downstream, RequestSettings, changes::apply, scrape::scrape, snapshot::snapshot};
use crate::clock;
use crate::config::StatusConfig;
use crate::log::escaped;
use crate::metrics::Dialect;
use crate::status::carry::Changed;
use crate::status::edit::{check, plan};
use crate::status::machine::Shape;
use crate::status::rating::Rules;
use crate::status::request::{Action, Command, Mime, parse};
use crate::status::view::{Moment, Server, Snapshot};
use crate::status::{Refusal, body, guard, html, json, machine};

/// Answers one request.
///
/// # Errors
///
/// 403 for another machine where only this one may look.
pub fn serve<D: Downstream>(
    workers: &Workers,
    config: &StatusConfig,
    downstream: &mut D,
    settings: &RequestSettings,
) -> Result<(), u16> {
    let remote = downstream.remote();
    if settings.status_loopback && !guard::is_loopback(&remote) {
        tracing::warn!(
            "JK-504 the status page is for this machine only, not for {remote}; answered 403"
        );
        return Err(403);
    }
    let mut query = String::from_utf8_lossy(downstream.query().unwrap_or_default()).into_owned();
    let sent = add_body(downstream, &mut query);
    let (mut mime, mut command) = parse(&query, config.read_only);
    if let Err(refusal) = sent {
        mime = if is_json(downstream) { Mime::Json } else { mime };
        command = Err(refusal);
    }
    if !guard::may_look(&config.users, config.user_case_insensitive, downstream.user()) {
        tracing::warn!("JK-501 the status page is not for this user; answered \"Access denied.\"");
        command = Err(Refusal::Access);
    }
    let server = server_of(downstream);
    if command.as_ref().is_ok_and(|command| command.action == Action::Metrics) {
        let accept = downstream.header("Accept").unwrap_or_default();
        let dialect = Dialect::accepted(&String::from_utf8_lossy(accept));
        let text = scrape(workers, dialect);
        downstream.answer(200, dialect.content_type(), &headers(), &text);
        return Ok(());
    }
    // Who is refused sees nothing of the workers.
    let picture = |workers: &Workers| Snapshot {
        is_unprotected: settings.status_is_open,
        ..snapshot(workers, server.clone())
    };
    let answer = command.and_then(|command| {
        let before = picture(workers);
        if !command.action.is_change() {
            check(&command, &before)?;
            return Ok((command, before, Vec::new()));
        }
        if !may_change(downstream) {
            return Err(Refusal::CrossSite);
        }
        let changes = plan(&command, &before)?;
        let changed: Vec<_> = changes.iter().map(|change| Changed::of(change, &before)).collect();
        let edited = apply(workers, &changes, &changed, downstream)?;
        Ok((command, picture(edited.as_ref().unwrap_or(workers)), changed))
    });
    match answer {
        Ok((command, picture, changed)) => {
            answer_with(downstream, config, mime, Ok(&command), &picture, &changed);
        }
        Err(refusal) => {
            match refusal {
                Refusal::Access => {}
                Refusal::CrossSite => tracing::warn!(
                    "JK-505 another site sent a browser at {remote} here to change something; refused"
                ),
                _ => tracing::info!(
                    "JK-506 the status page refuses a request from {remote}: {}",
                    escaped(refusal.to_string().as_bytes())
                ),
            }
            let empty = Snapshot { server, ..Snapshot::default() };
            answer_with(downstream, config, mime, Err(&refusal), &empty, &[]);
        }
    }
    Ok(())
}

fn is_json<D: Downstream>(downstream: &D) -> bool {
    let kind = downstream.header("Content-Type").unwrap_or_default();
    body::is_json(&String::from_utf8_lossy(kind))
}

/// Adds what a POST carries to the query.
fn add_body<D: Downstream>(downstream: &mut D, query: &mut String) -> Result<(), Refusal> {
    if downstream.method() != b"POST" {
        return Ok(());
    }
    let mut bytes = vec![0; body::LARGEST + 1];
    let mut len = 0;
    while len < bytes.len() {
        match downstream.read_body(&mut bytes[len..]) {
            Ok((0, _)) => break,
            Err(_) => return Err(Refusal::Body("it is not complete")),
            Ok((got, ended)) => {
                len += got;
                if ended {
                    break;
                }
            }
        }
    }
    let kind = downstream.header("Content-Type").unwrap_or_default();
    let more = body::parameters(&String::from_utf8_lossy(kind), &bytes[..len])?;
    if !more.is_empty() {
        query.push('&');
        query.push_str(&more);
    }
    Ok(())
}

fn headers() -> Vec<(&'static str, String)> {
    guard::HEADERS.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn may_change<D: Downstream>(downstream: &D) -> bool {
    let text = |name: &str| {
        downstream.header(name).map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let [site, origin, referer, host] = ["Sec-Fetch-Site", "Origin", "Referer", "Host"].map(text);
    guard::may_change(&guard::Provenance {
        method: &String::from_utf8_lossy(downstream.method()),
        sec_fetch_site: site.as_deref(),
        origin: origin.as_deref(),
        referer: referer.as_deref(),
        host: host.as_deref(),
    })
}

fn server_of<D: Downstream>(downstream: &D) -> Server {
    let (name, port, software) = downstream.server();
    let now = Moment::at(clock::unix_now().as_secs() as i64, clock::utc_offset());
    Server { name, port, software, version: format!("mod_jk/{VERSION}"), now }
}

fn answer_with<D: Downstream>(
    downstream: &mut D,
    config: &StatusConfig,
    mime: Mime,
    command: Result<&Command, &Refusal>,
    picture: &Snapshot,
    changed: &[Changed],
) {
    let rules =
        Rules::new(config.good.iter().map(String::as_str), config.bad.iter().map(String::as_str));
    let mut headers = headers();
    // The machine formats keep 200 whatever happens; scripts read the answer's own word.
    let status = command.err().map_or(200, Refusal::http_status);
    let (status, kind, body) = match mime {
        Mime::Json => (status, "application/json", json::render(command, picture, changed, &rules)),
        Mime::Html => {
            if let Some(back) = command.ok().and_then(html::way_back) {
                // The page's own forms: a reload must not send them again.
                headers.push(("Location", back));
                downstream.answer(303, "text/html; charset=utf-8", &headers, "");
                return;
            }
            let nonce = clock::nonce();
            headers.push(("Content-Security-Policy", guard::content_security_policy(&nonce)));
            let setting =
                html::Setting { rules: &rules, is_read_only: config.read_only, nonce: &nonce };
            let page = html::render(command, picture, &setting).unwrap_or_default();
            (status, "text/html; charset=utf-8", page)
        }
        Mime::Xml | Mime::Txt | Mime::Prop => {
            let shape = Shape {
                prefix: config.prefix.clone(),
                ns: config.ns.clone(),
                xmlns: config.xmlns.clone(),
                doctype: config.doctype.clone(),
                rules,
            };
            let kind = if mime == Mime::Xml { "text/xml" } else { "text/plain" };
            (200, kind, machine::render(mime, command, picture, &shape))
        }
    };
    downstream.answer(status, kind, &headers, &body);
}
