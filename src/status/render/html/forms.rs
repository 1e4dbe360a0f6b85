//! Forms to edit settings. Each field comes with the value that was shown, as `was.<name>`, so that
//! only what differs is changed, and nothing that another user changed in the meantime.

use crate::config::rows::ParameterScope;
use crate::config::{Value, ValueKind};
use crate::status::StatusError;
use crate::status::attributes::{Parameter, parameters};
use crate::status::request::{StatusRequest, encode};
use crate::status::view::{BalancerView, MemberView, Snapshot, WorkerView};

pub(super) struct Form {
    pub title: String,
    pub note: String,
    pub action: String,
    /// Where it leads when it is done.
    pub then: &'static str,
    pub back: String,
    pub groups: Vec<Group>,
    /// Links to forms for one setting of all members.
    pub others: Vec<(String, String)>,
}

pub(super) struct Group {
    pub title: String,
    pub fields: Vec<FormField>,
}

pub(super) struct FormField {
    pub id: String,
    pub name: String,
    pub label: String,
    /// Its unit, and what else it may be.
    pub unit: String,
    /// What it does.
    pub help: &'static str,
    /// What stands in it: the value in force, or what was typed.
    pub value: String,
    /// The value in force.
    pub was: String,
    /// Why what was typed is refused.
    pub wrong: Option<String>,
    pub is_number: bool,
    pub is_optional: bool,
    /// Whether it is the present one, and a word to choose.
    pub choices: Vec<(bool, String)>,
    parameter: Parameter,
}

const NOTE: &str = "Only what you change is sent. It holds for all children at once and survives \
                    graceful restarts until the file changes the same worker; a full restart \
                    forgets it.";

/// Makes the form `w`, `sw` and `att` ask for.
pub(super) fn of(command: &StatusRequest, snapshot: &Snapshot) -> Vec<Form> {
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
            let label = own.ajp.name.clone();
            Some(FormField { id: format!("f-{name}"), name, label, help: "", ..field })
        });
        let first = lb.members.first().map(all_fields).unwrap_or_default();
        let first = first.into_iter().find(|field| field.name == code);
        let Some(FormField { label, help, .. }) = first else { return Vec::new() };
        let groups = vec![Group { title: label.clone(), fields: rows.collect() }];
        let title = format!("{label} of all members of {name}");
        let action = format!("{action}&att={}", encode(code));
        let mut made = form(title, action, back, "show", groups);
        made.note = format!("{help} {NOTE}");
        return vec![made];
    }
    let mut made = form(format!("Balancer {name}"), action, back, "show", vec![lb_group(lb)]);
    let codes = lb.members.first().map(all_fields).unwrap_or_default();
    let codes = codes.into_iter().filter(|field| !field.parameter.is_address());
    let link = |field: FormField| (format!("?cmd=edit&w={query}&att={}", field.name), field.label);
    made.others = codes.map(link).collect();
    vec![made]
}

/// Makes the form again that was refused, with what was typed.
pub(super) fn refused(
    command: &StatusRequest,
    snapshot: &Snapshot,
    error: &StatusError,
) -> Vec<Form> {
    let mut forms = of(command, snapshot);
    let fields = forms.iter_mut().flat_map(|form| &mut form.groups);
    for field in fields.flat_map(|group| &mut group.fields) {
        if let Some(typed) = command.parameters.get(&field.name) {
            field.value.clone_from(typed);
            field.choices.iter_mut().for_each(|(is_chosen, word)| *is_chosen = word == typed);
        }
        field.wrong = match error {
            StatusError::Value { sent, why, .. }
                if field.parameter.is_called(sent) || field.name == *sent =>
            {
                // A form of one setting of all members names these at its fields.
                let property = field.parameter.row.name;
                match field.label == property {
                    true => Some(why.clone()),
                    false => Some(format!("{property}: {why}")),
                }
            }
            StatusError::Stale(property) if field.label == *property => Some(format!(
                "another request has changed it to {} in the meantime; saving again replaces that",
                field.was
            )),
            _ => None,
        };
    }
    forms
}

/// Makes fields of the parameters of a scope that have an effect, with the values in force.
fn fields(
    scope: ParameterScope,
    lb: Option<&BalancerView>,
    member: Option<&MemberView>,
    ajp: Option<&WorkerView>,
) -> Vec<FormField> {
    let rows = parameters().filter(|own| own.scope == scope && !own.row.is_retired());
    rows.filter_map(|own| Some(field(own, &own.current(lb, member, ajp)?))).collect()
}

fn field(parameter: Parameter, value: &Value) -> FormField {
    let row = parameter.row;
    let is_number = row.kind.is_number();
    let value = match value {
        // A text is left empty.
        Value::Unset if !is_number => String::new(),
        other => other.in_words(),
    };
    let choices = match row.kind {
        ValueKind::Bool => vec!["true".to_owned(), "false".to_owned()],
        ValueKind::Word(words) => {
            let read = words.names.iter().filter_map(|word| (words.read)(word));
            read.map(|own| own.in_words()).collect()
        }
        _ => Vec::new(),
    };
    let is_optional = row.is_optional() && is_number;
    FormField {
        id: format!("f-{}", parameter.own.name),
        name: parameter.own.name.to_owned(),
        label: row.name.to_owned(),
        unit: match (row.kind.unit(), is_optional) {
            ("", true) => "or unset".to_owned(),
            (unit, true) => format!("{unit}, or unset"),
            (unit, false) => unit.to_owned(),
        },
        help: row.doc,
        choices: choices.into_iter().map(|word| (word == value, word)).collect(),
        was: value.clone(),
        value,
        wrong: None,
        is_number,
        is_optional,
        parameter,
    }
}

fn lb_group(lb: &BalancerView) -> Group {
    let fields = fields(ParameterScope::Balancer, Some(lb), None, None);
    Group { title: "Balancer".to_owned(), fields }
}

fn member_group(member: &MemberView) -> Group {
    let fields = fields(ParameterScope::Member, None, Some(member), None);
    Group { title: "In this balancer".to_owned(), fields }
}

fn all_fields(member: &MemberView) -> Vec<FormField> {
    let mut fields = member_group(member).fields;
    fields.extend(ajp_groups(&member.ajp).into_iter().flat_map(|group| group.fields));
    fields
}

fn ajp_groups(ajp: &WorkerView) -> Vec<Group> {
    let all = fields(ParameterScope::Ajp13, None, None, Some(ajp));
    let (address, rest): (_, Vec<_>) = all.into_iter().partition(|own| own.parameter.is_address());
    let (times, limits) = rest.into_iter().partition(|own| own.parameter.row.kind.is_time());
    let groups = [("Address", address), ("Times", times), ("Limits", limits)];
    groups.map(|(title, fields)| Group { title: title.to_owned(), fields }).into()
}
