//! Forms to edit settings. Each field comes with the value that was shown, as `was.<name>`, so that
//! only what differs is changed, and nothing that somebody else has changed meanwhile.

use super::super::request::{Command, encode};
use super::super::view::{Ajp, Balancer, Member, Snapshot, method_name};
use crate::lb::Activation;

pub(super) struct Form {
    pub title: String,
    pub note: String,
    pub action: String,
    /// Where it leads when it is done.
    pub then: &'static str,
    pub back: String,
    pub groups: Vec<Group>,
    /// Links to forms for one setting of all members.
    pub others: Vec<(String, &'static str)>,
}

pub(super) struct Group {
    pub title: String,
    pub fields: Vec<Field>,
}

pub(super) struct Field {
    pub id: String,
    pub name: String,
    pub label: String,
    pub unit: &'static str,
    pub value: String,
    pub is_number: bool,
    /// Words to choose from, and whether it is the present one.
    pub choices: Vec<(&'static str, bool)>,
}

const NOTE: &str = "Only what you change is sent. It holds for all children at once and survives \
                    graceful restarts until the file changes the same worker; a full restart \
                    forgets it.";

/// Makes the form `w`, `sw` and `att` ask for.
pub(super) fn of(command: &Command, snapshot: &Snapshot) -> Vec<Form> {
    let name = command.worker.as_deref().unwrap_or_default();
    let query = encode(name);
    let action = format!("?cmd=update&w={query}");
    let form = |title: String, action: String, back: String, then, groups| Form {
        title,
        note: NOTE.to_owned(),
        action,
        then,
        back,
        groups,
        others: Vec::new(),
    };
    if let Some(ajp) = snapshot.workers.iter().find(|ajp| ajp.name == name) {
        let back = format!("?cmd=show&w={query}");
        return vec![form(format!("Worker {name}"), action, back, "show", ajp_groups(ajp))];
    }
    let Some(lb) = snapshot.balancers.iter().find(|lb| lb.name == name) else { return Vec::new() };
    let member = command.member.as_deref();
    if let Some(own) = lb.members.iter().find(|own| Some(own.ajp.name.as_str()) == member) {
        let title = format!("Member {} of balancer {name}", own.ajp.name);
        let sub = encode(&own.ajp.name);
        let back = format!("?cmd=show&w={query}&sw={sub}");
        let mut groups = vec![member_group(own)];
        groups.extend(ajp_groups(&own.ajp));
        return vec![form(title, format!("{action}&sw={sub}"), back, "member", groups)];
    }
    let back = format!("?cmd=show&w={query}");
    if let Some(code) = command.attribute.as_deref() {
        let rows = lb.members.iter().filter_map(|own| {
            let field = all_fields(own).into_iter().find(|field| field.name == code)?;
            let name = format!("val.{}", own.ajp.name);
            Some(Field { id: format!("f-{name}"), name, label: own.ajp.name.clone(), ..field })
        });
        let label = lb.members.first().map(all_fields).unwrap_or_default();
        let label = label.into_iter().find(|field| field.name == code).map(|field| field.label);
        let Some(label) = label else { return Vec::new() };
        let groups = vec![Group { title: label.clone(), fields: rows.collect() }];
        let title = format!("{label} of all members of {name}");
        return vec![form(title, format!("{action}&att={}", encode(code)), back, "show", groups)];
    }
    let mut made = form(format!("Balancer {name}"), action, back, "show", vec![lb_group(lb)]);
    let codes = lb.members.first().map(all_fields).unwrap_or_default();
    let codes = codes.into_iter().filter(|field| !matches!(field.name.as_str(), "vahst" | "vaprt"));
    made.others = codes
        .filter_map(|field| {
            let label = LABELS.iter().find(|row| row.0 == field.name)?.1;
            Some((format!("?cmd=edit&w={query}&att={}", field.name), label))
        })
        .collect();
    vec![made]
}

/// Parameter, property, unit.
#[rustfmt::skip]
const LABELS: &[(&str, &str, &str)] = &[
    ("vlr", "retries", ""), ("vlri", "retry_interval", "ms"), ("vlt", "recover_time", "s"),
    ("vlee", "error_escalation_time", "s"), ("vlx", "max_reply_timeouts", ""),
    ("vls", "sticky_session", ""), ("vlf", "sticky_session_force", ""), ("vlm", "method", ""),
    ("vwa", "activation", ""), ("vwf", "lbfactor", ""), ("vwn", "route", ""),
    ("vwr", "redirect", ""), ("vwc", "domain", ""), ("vwd", "distance", ""),
    ("vahst", "host", ""), ("vaprt", "port", ""),
    ("vacpt", "connection_pool_timeout", "s, 0 for none"), ("vapng", "ping_timeout", "ms"),
    ("vact", "connect_timeout", "ms, 0 for none"), ("vapt", "prepost_timeout", "ms, 0 for none"),
    ("vart", "reply_timeout", "ms, 0 for none"), ("var", "retries", ""),
    ("vari", "retry_interval", "ms"), ("vacpi", "connection_ping_interval", "s"),
    ("varo", "recovery_options", "sum of bits"), ("vabl", "busy_limit", "0 for none"),
    ("vamps", "max_packet_size", "bytes"),
];

fn field(name: &str, value: impl ToString, is_number: bool) -> Field {
    let row = LABELS.iter().find(|row| row.0 == name);
    let (label, unit) = row.map_or((name, ""), |row| (row.1, row.2));
    Field {
        id: format!("f-{name}"),
        name: name.to_owned(),
        label: label.to_owned(),
        unit,
        value: value.to_string(),
        is_number,
        choices: Vec::new(),
    }
}

fn number(name: &str, value: impl ToString) -> Field {
    field(name, value, true)
}

fn text(name: &str, value: &str) -> Field {
    field(name, value, false)
}

fn choice(name: &str, value: &str, words: &[&'static str]) -> Field {
    let choices = words.iter().map(|word| (*word, *word == value)).collect();
    Field { choices, ..field(name, value, false) }
}

fn flag(name: &str, value: bool) -> Field {
    choice(name, if value { "true" } else { "false" }, &["true", "false"])
}

fn activation(activation: Activation) -> &'static str {
    match activation {
        Activation::Active => "Active",
        Activation::Disabled => "Disabled",
        Activation::Stopped => "Stopped",
    }
}

fn lb_group(lb: &Balancer) -> Group {
    let methods = ["Request", "Traffic", "Busyness", "Sessions", "Next", "LeastTime", "Hash"];
    let fields = vec![
        choice("vlm", method_name(lb.method), &methods),
        flag("vls", lb.sticky_session),
        flag("vlf", lb.sticky_session_force),
        number("vlr", lb.retries),
        number("vlri", lb.retry_interval_ms),
        number("vlt", lb.recover_time),
        number("vlee", lb.error_escalation_time),
        number("vlx", lb.max_reply_timeouts),
    ];
    Group { title: "Balancer".to_owned(), fields }
}

fn member_group(member: &Member) -> Group {
    Group { title: "In this balancer".to_owned(), fields: member_fields(member) }
}

fn member_fields(member: &Member) -> Vec<Field> {
    vec![
        choice("vwa", activation(member.activation), &["Active", "Disabled", "Stopped"]),
        number("vwf", member.lbfactor),
        text("vwn", &member.route),
        text("vwr", &member.redirect),
        text("vwc", &member.domain),
        number("vwd", member.distance),
    ]
}

fn all_fields(member: &Member) -> Vec<Field> {
    let mut fields = member_fields(member);
    fields.extend(ajp_groups(&member.ajp).into_iter().flat_map(|group| group.fields));
    fields
}

fn ajp_groups(ajp: &Ajp) -> Vec<Group> {
    let group = |title: &str, fields| Group { title: title.to_owned(), fields };
    vec![
        group("Address", vec![text("vahst", &ajp.host), number("vaprt", ajp.port)]),
        group(
            "Times",
            vec![
                number("vact", ajp.connect_timeout),
                number("vapt", ajp.prepost_timeout),
                number("vapng", ajp.ping_timeout),
                number("vart", ajp.reply_timeout),
                number("vari", ajp.retry_interval_ms),
                number("vacpi", ajp.connection_ping_interval),
                number("vacpt", ajp.connection_pool_timeout),
            ],
        ),
        group(
            "Limits",
            vec![
                number("var", ajp.retries),
                number("varo", ajp.recovery_options),
                number("vabl", ajp.busy_limit),
                number("vamps", ajp.max_packet_size),
            ],
        ),
    ]
}
