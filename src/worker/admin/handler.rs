//! The status worker: who may ask, what is changed, in which form the answer goes out.

use crate::clock;
use crate::config::StatusConfig;
use crate::log::excerpt;
use crate::messages::MessageCode::{JK501, JK504, JK505, JK506};
use crate::metrics::Dialect;
use crate::status::change::{check, plan};
use crate::status::change_text::Changed;
use crate::status::confirm::{Question, question};
use crate::status::rating::RatingRules;
use crate::status::render::html::PageSettings;
use crate::status::render::legacy::Shape;
use crate::status::render::{html, json, legacy};
use crate::status::request::{Action, Mime, StatusRequest, parse};
use crate::status::view::{Moment, ServerView, Snapshot};
use crate::status::{StatusError, access, body};
use crate::text;
use crate::worker::admin::apply::{apply, rehearse};
use crate::worker::admin::metrics::scrape;
use crate::worker::admin::snapshot::{events, origins, snapshot};
use crate::worker::error_log::{client, log_client};
use crate::worker::workers::{VERSION, Workers};
use crate::worker::{ClientError, Downstream, RequestSettings};

/// Answers one request.
///
/// # Errors
///
/// 403 for another machine where only this one may look, and the status for a body that cannot be
/// read.
pub fn serve<D: Downstream>(
    workers: &Workers,
    config: &StatusConfig,
    downstream: &mut D,
    settings: &RequestSettings,
) -> Result<(), u16> {
    let remote = downstream.remote();
    if settings.status_loopback && !access::is_loopback(&remote) {
        tracing::warn!(
            "{JK504} {}: rejected a client at {remote}: JkStatusLoopback restricts the status page to this machine; answered 403; no action needed, or set JkStatusLoopback Off",
            downstream.label()
        );
        return Err(403);
    }
    let mut query = text::owned(downstream.query().unwrap_or_default());
    let sent = match read_form(downstream) {
        Ok(form) => add_form(downstream, &mut query, &form),
        Err(ClientError::Body { .. }) => Err(StatusError::Body("it is not complete")),
        Err(error) => return log_client(downstream, "status", error),
    };
    let (mut mime, mut command) = parse(&query, config.read_only);
    if let Err(refusal) = sent {
        mime = if is_json(downstream) { Mime::Json } else { mime };
        command = Err(refusal);
    }
    if !access::may_look(&config.users, config.user_case_insensitive, downstream.user()) {
        tracing::warn!(
            "{JK501} {}: rejected {}: the status worker's user list does not name the user; answered \"Access denied.\"; add the user to the list, or no action",
            downstream.label(),
            client(downstream)
        );
        command = Err(StatusError::Access);
    }
    let server = server_of(downstream);
    if command.as_ref().is_ok_and(|command| command.action == Action::Metrics) {
        let accept = downstream.header("Accept").unwrap_or_default();
        let dialect = Dialect::accepted(&text::decode(accept));
        let text = scrape(workers, dialect, config.is_metrics_full);
        downstream.answer(200, dialect.content_type(), &headers(), &text);
        return Ok(());
    }
    // Who is refused sees nothing of the workers.
    let picture = |workers: &Workers| Snapshot {
        is_unprotected: settings.status_is_open,
        ..snapshot(workers, server.clone())
    };
    // A form that was refused, with what it was about.
    let mut sent = None;
    let answer = command.and_then(|command| {
        let before = picture(workers);
        if !command.action.is_change() {
            check(&command, &before)?;
            let events = command.events_since().map(|since| events(workers, since));
            let origins = match command.action {
                Action::Show => origins(workers, &command, &before),
                _ => Vec::new(),
            };
            let shown = Snapshot { events: events.unwrap_or_default(), origins, ..before };
            return Ok(StatusAnswer::of(command, shown));
        }
        if !may_change(downstream) {
            return Err(StatusError::CrossSite);
        }
        if workers.records.are_outdated() {
            return Err(StatusError::Restarted);
        }
        let made = plan(&command, &before).and_then(|changes| {
            let changed: Vec<_> =
                changes.iter().map(|change| Changed::of(change, &before)).collect();
            if command.is_dry_run {
                rehearse(workers, &changes)?;
                return Ok((None, changed, None));
            }
            if mime == Mime::Html
                && let Some(question) = question(&command, &changes, &before)
            {
                return Ok((None, Vec::new(), Some(question)));
            }
            let edited = apply(workers, &changes, &changed, downstream)?;
            Ok((Some(picture(edited.as_ref().unwrap_or(workers))), changed, None))
        });
        match made {
            Ok((after, changed, question)) => {
                let picture = after.unwrap_or(before);
                Ok(StatusAnswer { command, picture, changed, question })
            }
            Err(refusal) => {
                sent = Some((command, before));
                Err(refusal)
            }
        }
    });
    match answer {
        Ok(answer) => {
            let StatusAnswer { command, picture, changed, question } = &answer;
            let more = PageSettings { question: question.as_ref(), ..PageSettings::default() };
            answer_with(downstream, config, mime, Ok(command), picture, changed, more);
        }
        Err(refusal) => {
            match refusal {
                StatusError::Access => {}
                StatusError::CrossSite => tracing::warn!(
                    "{JK505} {}: rejected a cross-site request: another site sent a browser at {remote} to change something; nothing was changed; no action needed, or change it with a form of the page itself",
                    downstream.label()
                ),
                _ => tracing::info!(
                    "{JK506} {}: rejected a request of {}: {}; nothing was changed; correct the script or the link that sends it",
                    downstream.label(),
                    client(downstream),
                    excerpt(&text::raw(&refusal.to_string()), LONGEST_REFUSAL)
                ),
            }
            let empty = Snapshot { server, ..Snapshot::default() };
            // Only who may change something gets the form again.
            let form = sent.as_ref().filter(|(command, _)| command.parameters.contains_key("then"));
            let picture = form.map_or(&empty, |(_, before)| before);
            let refused = form.map(|(command, _)| command);
            let more = PageSettings { refused, ..PageSettings::default() };
            answer_with(downstream, config, mime, Err(&refusal), picture, &[], more);
        }
    }
    Ok(())
}

/// What is answered to a request that was accepted.
struct StatusAnswer {
    command: StatusRequest,
    /// The workers, after a change as they are then.
    picture: Snapshot,
    changed: Vec<Changed>,
    /// What is asked before the change is made.
    question: Option<Question>,
}

impl StatusAnswer {
    fn of(command: StatusRequest, picture: Snapshot) -> Self {
        Self { command, picture, changed: Vec::new(), question: None }
    }
}

/// Most bytes of why a request is refused, which may quote its parameters.
const LONGEST_REFUSAL: usize = 400;

fn is_json<D: Downstream>(downstream: &D) -> bool {
    let kind = downstream.header("Content-Type").unwrap_or_default();
    body::is_json(&text::decode(kind))
}

/// Reads what a POST carries, as far as it may go.
fn read_form<D: Downstream>(downstream: &mut D) -> Result<Vec<u8>, ClientError> {
    if downstream.method() != b"POST" {
        return Ok(Vec::new());
    }
    let mut bytes = vec![0; body::LARGEST + 1];
    let (mut len, mut ended) = (0, false);
    while len < bytes.len() && !ended {
        let got;
        (got, ended) = downstream.read_body(&mut bytes[len..])?;
        len += got;
        ended |= got == 0;
    }
    bytes.truncate(len);
    Ok(bytes)
}

/// Adds what a POST carries to the query.
fn add_form<D: Downstream>(
    downstream: &D,
    query: &mut String,
    form: &[u8],
) -> Result<(), StatusError> {
    let kind = downstream.header("Content-Type").unwrap_or_default();
    let says_format = query.split('&').any(|piece| piece.starts_with("mime="));
    let more = body::parameters(&text::decode(kind), says_format, form)?;
    if !more.is_empty() {
        query.push('&');
        query.push_str(&more);
    }
    Ok(())
}

fn headers() -> Vec<(&'static str, String)> {
    access::HEADERS.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn may_change<D: Downstream>(downstream: &D) -> bool {
    let text = |name: &str| downstream.header(name).map(text::owned);
    let [site, origin, referer, host] = ["Sec-Fetch-Site", "Origin", "Referer", "Host"].map(text);
    access::may_change(&access::Provenance {
        method: &text::decode(downstream.method()),
        sec_fetch_site: site.as_deref(),
        origin: origin.as_deref(),
        referer: referer.as_deref(),
        host: host.as_deref(),
    })
}

fn server_of<D: Downstream>(downstream: &D) -> ServerView {
    let (name, port, software) = downstream.server();
    let now = Moment::at(clock::unix_now().as_secs() as i64, clock::utc_offset());
    ServerView {
        name,
        port,
        software,
        version: format!("mod_jk/{VERSION}"),
        now,
        ..ServerView::default()
    }
}

fn answer_with<D: Downstream>(
    downstream: &mut D,
    config: &StatusConfig,
    mime: Mime,
    command: Result<&StatusRequest, &StatusError>,
    picture: &Snapshot,
    changed: &[Changed],
    more: PageSettings<'_>,
) {
    let rules = RatingRules::new(
        config.good.iter().map(String::as_str),
        config.bad.iter().map(String::as_str),
    );
    let mut headers = headers();
    if command.is_err_and(|refusal| *refusal == StatusError::Restarted) {
        // The client's next connection leads to a child of the new configuration.
        headers.push(("Connection", "close".to_owned()));
        headers.push(("Retry-After", "1".to_owned()));
    }
    // The machine formats keep 200 whatever happens; scripts read the answer's own word.
    let status = command.err().map_or(200, StatusError::http_status);
    let (status, kind, body) = match mime {
        Mime::Json => (status, "application/json", json::render(command, picture, changed, &rules)),
        Mime::Html => {
            if let Some(back) = command
                .ok()
                .filter(|_| more.question.is_none())
                .and_then(|command| html::way_back(command, changed))
            {
                // The page's own forms: a reload must not send them again.
                headers.push(("Location", back));
                downstream.answer(303, "text/html; charset=utf-8", &headers, "");
                return;
            }
            let nonce = clock::nonce();
            headers.push(("Content-Security-Policy", access::content_security_policy(&nonce)));
            let setting = PageSettings { is_read_only: config.read_only, nonce: &nonce, ..more };
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
            (200, kind, legacy::render(mime, command, picture, &shape))
        }
    };
    downstream.answer(status, kind, &headers, &body);
}
