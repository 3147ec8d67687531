//! Holds names, events, patterns and subjects to the project's vectors, which every language shares.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use eventhook_drivers::Refusal;
use eventhook_drivers::event::{FlovynEvent, StreamEvent};
use eventhook_drivers::pattern::EventPattern;
use eventhook_drivers::subjects;
use serde_json::{Value, json};
use uuid::Uuid;

const TENANT: &str = "123e4567-e89b-42d3-a456-426614174000";

fn vectors(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fixtures/eventhook_fixtures");
    let path = folder.join(format!("{name}.json"));
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("vectors are JSON")
}

/// The members of a list under `name`, at least one.
fn list<'a>(vectors: &'a Value, name: &str) -> &'a [Value] {
    let items = vectors[name].as_array().expect("a list");
    assert!(!items.is_empty(), "no vectors under {name}");
    items
}

fn event(changes: &Value) -> Value {
    let mut event = json!({
        "id": "00000000-0000-4000-8000-000000000001", "tenant_id": TENANT, "event_type": "a.b",
        "source": "s", "data": null, "timestamp_ms": 1,
    });
    change(&mut event, changes);
    event
}

fn change(members: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().expect("members") {
        members[name] = value.clone();
    }
}

fn read_event(members: &Value) -> Result<FlovynEvent, Refusal> {
    FlovynEvent::from_json(members.to_string().as_bytes())
}

fn read_stream_event(key: &Value) -> Result<StreamEvent, Refusal> {
    let members = json!({
        "taskExecutionId": "", "workflowExecutionId": key, "sequence": 0, "type": "TOKEN",
        "payload": "", "timestampMs": 0,
    });
    StreamEvent::from_json(members.to_string().as_bytes())
}

fn read_pattern(members: &Value) -> Result<EventPattern, Refusal> {
    EventPattern::from_json(members.to_string().as_bytes())
}

/// Holds a reader to the valid and the invalid values of a file.
fn hold<T>(file: &str, code: i32, read: impl Fn(&Value) -> Result<T, Refusal>) {
    let vectors = vectors(file);
    for one in list(&vectors, "valid") {
        assert!(read(&one["value"]).is_ok(), "{file}: {one} is valid");
    }
    for one in list(&vectors, "invalid") {
        let refusal = read(&one["value"]).err().map(|refusal| refusal.code());
        assert_eq!(refusal, Some(code), "{file}: {one} is invalid");
    }
}

#[test]
fn event_types() {
    hold("event_types", -32001, |value| {
        read_event(&event(&json!({"event_type": value})))
    });
}

#[test]
fn prefixes() {
    hold("prefixes", -32002, |value| {
        read_pattern(&json!({"tenant_id": TENANT, "event_type_prefix": value}))
    });
}

#[test]
fn stream_keys() {
    hold("stream_keys", -32001, read_stream_event);
}

/// UUIDs for the symbols that stand for them in the vectors.
fn ids() -> HashMap<&'static str, String> {
    ["own", "other", "W1", "W2", "T1", "T2"]
        .into_iter()
        .zip(1u128..)
        .map(|(symbol, number)| (symbol, Uuid::from_u128(number).to_string()))
        .collect()
}

/// What a symbol stands for, in whichever field; other texts stand for themselves.
fn resolved(ids: &HashMap<&str, String>, value: &Value) -> Value {
    let known = value.as_str().and_then(|symbol| ids.get(symbol));
    known.map_or_else(|| value.clone(), |id| json!(id))
}

fn pattern_of(ids: &HashMap<&str, String>, vector: &Value) -> EventPattern {
    let members = json!({
        "tenant_id": resolved(ids, &vector["tenant"]),
        "workflow_execution_id": resolved(ids, &vector["workflow"]),
        "task_execution_id": resolved(ids, &vector["task"]),
        "event_type_prefix": resolved(ids, &vector["prefix"]),
        "source": resolved(ids, &vector["source"]),
    });
    read_pattern(&members).expect("the patterns of the vectors are valid")
}

#[test]
fn patterns() {
    let (ids, vectors) = (ids(), vectors("patterns"));
    for one in list(&vectors, "vectors") {
        let given = &one["event"];
        let event = event(&json!({
            "tenant_id": resolved(&ids, &given["tenant"]),
            "workflow_execution_id": resolved(&ids, &given["workflow"]),
            "task_execution_id": resolved(&ids, &given["task"]),
            "event_type": resolved(&ids, &given["type"]),
            "source": resolved(&ids, &given["source"]),
        }));
        let event = read_event(&event).expect("the events of the vectors are valid");
        let selected = pattern_of(&ids, &one["pattern"]).matches(&event);
        assert_eq!(selected, one["matches"], "{}", one["name"]);
    }
}

#[test]
fn event_subjects() {
    for one in list(&vectors("subjects"), "events") {
        let event = read_event(&event(&json!({"event_type": one["type"]}))).expect("a valid event");
        let expected = one["subject"]
            .as_str()
            .expect("text")
            .replace("{tenant}", TENANT);
        assert_eq!(subjects::of_event(&event), expected);
    }
}

#[test]
fn stream_subjects() {
    for one in list(&vectors("subjects"), "streams") {
        let key = one["key"].as_str().expect("text");
        assert_eq!(subjects::of_stream(key), one["subject"]);
    }
}

#[test]
fn subscription_subjects() {
    let (ids, vectors) = (ids(), vectors("subjects"));
    for one in list(&vectors, "subscriptions") {
        let pattern = pattern_of(&ids, &one["pattern"]);
        let asked =
            subjects::of_pattern(&pattern).replace(&pattern.tenant_id.to_string(), "{tenant}");
        let allowed = list(one, "allowed");
        assert!(
            allowed.contains(&json!([asked])),
            "{}: {asked}",
            one["name"]
        );
    }
}

#[test]
fn an_event_keeps_every_bit_and_writes_every_member() {
    let text = r#"{"data":{"":[1,-0.0,0.1,1e+300,5e-324,2.2250738585072011e-308,"\u0000😀\u2028"]},
        "ID":"ignored","id":"00000000-0000-4000-8000-00000000000A","tenant_id":"123E4567-E89B-42D3-A456-426614174000",
        "event_type":"a.b","source":"","timestamp_ms":-9007199254740991}"#;
    let event = FlovynEvent::from_json(text.as_bytes()).expect("a valid event");
    let written = serde_json::to_string(&event).expect("it has a JSON form");
    let expected = concat!(
        r#"{"id":"00000000-0000-4000-8000-00000000000a","tenant_id":"123e4567-e89b-42d3-a456-426614174000","#,
        r#""workflow_execution_id":null,"task_execution_id":null,"event_type":"a.b","source":"","#,
        r#""data":{"":[1,-0.0,0.1,1e+300,5e-324,2.2250738585072011e-308,"\u0000😀"#,
        "\u{2028}",
        r#""]},"timestamp_ms":-9007199254740991,"correlation_id":null}"#,
    );
    assert_eq!(written, expected);
}

#[test]
fn what_is_no_event_is_refused() {
    for changes in [
        json!({"id": 7}),
        json!({"tenant_id": null}),
        json!({"workflow_execution_id": "w"}),
        json!({"source": null}),
        json!({"timestamp_ms": 1.5}),
        json!({"timestamp_ms": 1_u64 << 53}),
        json!({"timestamp_ms": true}),
        json!({"data": 1_u64 << 53}),
        json!({"correlation_id": 1}),
    ] {
        let refusal = read_event(&event(&changes)).expect_err("it is invalid");
        assert_eq!(refusal.code(), -32001, "{changes}");
    }
    for text in [r#"{"source":"\ud800"}"#, "[]", "", "{", "null"] {
        let refusal = FlovynEvent::from_json(text.as_bytes()).expect_err("it is invalid");
        assert_eq!(refusal.code(), -32001, "{text}");
    }
}

#[test]
fn what_is_no_stream_event_is_refused() {
    for key in [json!(null), json!(7), json!(["a"])] {
        assert_eq!(
            read_stream_event(&key).expect_err("it is invalid").code(),
            -32001,
            "{key}"
        );
    }
}
