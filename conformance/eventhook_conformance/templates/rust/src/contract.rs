//! Checks of events and patterns, by the contract.

use serde_json::{Map, Number, Value};

pub type Members = Map<String, Value>;

/// Says of each member that is read whether it is as it should be; an absent one is null.
pub type Form = &'static [(&'static str, fn(&Value) -> bool)];

const MAX_INTEGER: f64 = 9_007_199_254_740_991.0;

const IDS: [&str; 4] = [
    "id",
    "tenant_id",
    "workflow_execution_id",
    "task_execution_id",
];

pub const EVENT: Form = &[
    ("id", is_uuid),
    ("tenant_id", is_uuid),
    ("workflow_execution_id", is_absent_or_uuid),
    ("task_execution_id", is_absent_or_uuid),
    ("event_type", |its| {
        is_name(its, |name| is_prefix(name) && name.contains('.'))
    }),
    ("source", Value::is_string),
    ("data", is_json),
    ("timestamp_ms", is_integer),
    ("correlation_id", is_absent_or_text),
];

pub const STREAM_EVENT: Form = &[
    ("taskExecutionId", Value::is_string),
    ("workflowExecutionId", is_key),
    ("sequence", is_integer),
    ("type", |its| {
        is_name(its, |name| {
            ["TOKEN", "PROGRESS", "DATA", "ERROR"].contains(&name)
        })
    }),
    ("payload", Value::is_string),
    ("timestampMs", is_integer),
];

pub const PATTERN: Form = &[
    ("tenant_id", is_uuid),
    ("workflow_execution_id", is_absent_or_uuid),
    ("task_execution_id", is_absent_or_uuid),
    ("event_type_prefix", |its| {
        its.is_null() || is_name(its, is_prefix)
    }),
    ("source", is_absent_or_text),
];

pub fn is_key(its: &Value) -> bool {
    is_name(its, is_token)
}

/// Reads the members that are named, each as it should be; absent ones as null.
pub fn checked(text: &str, form: Form) -> Result<Members, String> {
    let mut read: Members = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut found = Members::new();
    for (name, holds) in form {
        let its = read.remove(*name);
        let missing = its.is_none() && *name == "data";
        let its = its.unwrap_or_default();
        if missing || !holds(&its) {
            let shown: String = its.to_string().chars().take(200).collect();
            return Err(format!("{name} is {shown}, which is not valid"));
        }
        let its = match its {
            Value::String(id) if IDS.contains(name) => Value::String(id.to_ascii_lowercase()),
            its => its,
        };
        found.insert((*name).to_owned(), its);
    }
    Ok(found)
}

pub fn matches(pattern: &Members, event: &Members) -> bool {
    let prefix = pattern["event_type_prefix"].as_str();
    let event_type = event["event_type"].as_str().unwrap_or_default();
    prefix.is_none_or(|prefix| format!("{event_type}.").starts_with(&format!("{prefix}.")))
        && [
            "tenant_id",
            "workflow_execution_id",
            "task_execution_id",
            "source",
        ]
        .iter()
        .all(|name| pattern[*name].is_null() || pattern[*name] == event[*name])
}

fn is_name(its: &Value, holds: fn(&str) -> bool) -> bool {
    its.as_str()
        .is_some_and(|name| name.len() <= 255 && holds(name))
}

fn is_token(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.bytes().all(allowed)
}

fn is_prefix(name: &str) -> bool {
    name.split('.').all(is_token)
}

fn is_uuid(its: &Value) -> bool {
    its.as_str().is_some_and(|text| {
        let parts = text.split('-').map(str::len);
        parts.eq([8, 4, 4, 4, 12])
            && text
                .bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
    })
}

fn is_absent_or_uuid(its: &Value) -> bool {
    its.is_null() || is_uuid(its)
}

fn is_absent_or_text(its: &Value) -> bool {
    its.is_null() || its.is_string()
}

fn is_integer(its: &Value) -> bool {
    its.as_number().is_some_and(is_whole)
}

/// JSON has one kind of number: `1.0` is an integer, too.
fn is_whole(number: &Number) -> bool {
    number
        .as_f64()
        .is_some_and(|value| value.fract() == 0.0 && value.abs() <= MAX_INTEGER)
}

fn is_json(its: &Value) -> bool {
    match its {
        Value::Array(items) => items.iter().all(is_json),
        Value::Object(members) => members.values().all(is_json),
        Value::Number(number) if number.as_str().contains(['.', 'e', 'E']) => {
            number.as_f64().is_some()
        }
        Value::Number(number) => is_whole(number),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}
