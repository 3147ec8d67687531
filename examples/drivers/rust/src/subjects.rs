//! The NATS mapping: which subject an event is published on, and what a subscription asks for.

use crate::event::FlovynEvent;
use crate::pattern::EventPattern;

/// Where an event is published.
#[must_use]
pub fn of_event(event: &FlovynEvent) -> String {
    format!("flovyn.events.{}.{}", event.tenant_id, event.event_type)
}

/// Where a stream is published, and read.
#[must_use]
pub fn of_stream(key: &str) -> String {
    format!("flovyn.streams.workflow.{key}")
}

/// What a subscription asks the server for.
///
/// For a prefix that is the whole category: a type and its descendants would be two subscriptions,
/// and nothing keeps the order of one publisher across two. The rest is filtered here.
#[must_use]
pub fn of_pattern(pattern: &EventPattern) -> String {
    let tenant = pattern.tenant_id;
    match pattern
        .event_type_prefix
        .as_deref()
        .and_then(|prefix| prefix.split('.').next())
    {
        Some(category) => format!("flovyn.events.{tenant}.{category}.>"),
        None => format!("flovyn.events.{tenant}.>"),
    }
}
