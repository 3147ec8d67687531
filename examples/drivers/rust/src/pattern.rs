//! What a subscription asks for.

use serde::Deserialize;
use uuid::Uuid;

use crate::event::{Delivery, FlovynEvent};
use crate::{Refusal, json, names};

/// One tenant's events, narrowed by any of four filters, which combine by *and*.
#[derive(Clone, Debug, Deserialize)]
pub struct EventPattern {
    /// Whose events.
    pub tenant_id: Uuid,
    /// Those of this workflow alone.
    pub workflow_execution_id: Option<Uuid>,
    /// Those of this task alone.
    pub task_execution_id: Option<Uuid>,
    /// Those of this type, and of types that go on after it with a dot.
    pub event_type_prefix: Option<String>,
    /// Those of exactly this source.
    pub source: Option<String>,
}

impl EventPattern {
    /// Reads the wire form.
    ///
    /// # Errors
    /// [`Refusal::InvalidPattern`]: it is none, or no valid pattern.
    pub fn from_json(text: &[u8]) -> Result<Self, Refusal> {
        let pattern: Self = json::read_object(text).map_err(Refusal::InvalidPattern)?;
        match &pattern.event_type_prefix {
            Some(prefix) if !names::is_prefix(prefix) => Err(Refusal::InvalidPattern(format!(
                "event_type_prefix is {prefix:?}; expected tokens of [A-Za-z0-9_-]+ \
                 joined by dots"
            ))),
            _ => Ok(pattern),
        }
    }

    /// Whether the event passes every filter that is set.
    #[must_use]
    pub fn matches(&self, event: &FlovynEvent) -> bool {
        self.tenant_id == event.tenant_id
            && admits(
                self.workflow_execution_id.as_ref(),
                event.workflow_execution_id.as_ref(),
            )
            && admits(
                self.task_execution_id.as_ref(),
                event.task_execution_id.as_ref(),
            )
            && admits(self.source.as_ref(), Some(&event.source))
            && self
                .event_type_prefix
                .as_ref()
                .is_none_or(|prefix| descends(&event.event_type, prefix))
    }
}

fn admits<T: PartialEq>(wanted: Option<&T>, given: Option<&T>) -> bool {
    wanted.is_none() || wanted == given
}

fn descends(event_type: &str, prefix: &str) -> bool {
    event_type
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Which of what comes in a subscription hands on.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// What the pattern selects.
    Events(EventPattern),
    /// A stream, whole.
    Stream(String),
}

impl Wanted {
    /// Whether this is for the subscription.
    #[must_use]
    pub fn admits(&self, delivery: &Delivery) -> bool {
        match (self, delivery) {
            (Self::Events(pattern), Delivery::Event(event)) => pattern.matches(event),
            (Self::Stream(key), Delivery::Stream(event)) => event.workflow_execution_id == *key,
            _ => false,
        }
    }
}
