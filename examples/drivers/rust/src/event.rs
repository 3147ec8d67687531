//! The two kinds of event, and their wire forms.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Refusal, json, names};

/// A lifecycle event of one tenant.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct FlovynEvent {
    /// Its own id.
    pub id: Uuid,
    /// Whose event it is.
    pub tenant_id: Uuid,
    /// The workflow that it belongs to.
    pub workflow_execution_id: Option<Uuid>,
    /// The task that it belongs to.
    pub task_execution_id: Option<Uuid>,
    /// Two or more tokens joined by dots.
    pub event_type: String,
    /// Who says so.
    pub source: String,
    /// Any JSON value; has to be there, if only as null.
    pub data: Value,
    /// Milliseconds since the epoch.
    #[serde(deserialize_with = "json::integer")]
    pub timestamp_ms: i64,
    /// What it belongs together with.
    pub correlation_id: Option<String>,
}

impl FlovynEvent {
    /// Reads the wire form.
    ///
    /// # Errors
    /// [`Refusal::InvalidEvent`]: it is none, or no valid event.
    pub fn from_json(text: &[u8]) -> Result<Self, Refusal> {
        let event: Self = json::read_object(text).map_err(Refusal::InvalidEvent)?;
        if !names::is_event_type(&event.event_type) {
            return Err(Refusal::InvalidEvent(format!(
                "event_type is {:?}; expected two or more tokens of [A-Za-z0-9_-]+ \
                 joined by dots",
                event.event_type
            )));
        }
        match json::beyond_range(&event.data) {
            Some(problem) => Err(Refusal::InvalidEvent(format!("data: {problem}"))),
            None => Ok(event),
        }
    }
}

/// What a stream event carries.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StreamEventType {
    /// A piece of generated text.
    Token,
    /// How far a task is.
    Progress,
    /// Anything else.
    Data,
    /// What went wrong.
    Error,
}

/// A piece of a task's output.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamEvent {
    /// The task's id; may be empty.
    pub task_execution_id: String,
    /// The stream's key: one token.
    pub workflow_execution_id: String,
    /// The publisher's own count.
    #[serde(deserialize_with = "json::integer")]
    pub sequence: i64,
    /// What the payload is.
    pub r#type: StreamEventType,
    /// Any text.
    pub payload: String,
    /// Milliseconds since the epoch.
    #[serde(deserialize_with = "json::integer")]
    pub timestamp_ms: i64,
}

impl StreamEvent {
    /// Reads the wire form.
    ///
    /// # Errors
    /// [`Refusal::InvalidEvent`]: it is none, or no valid stream event.
    pub fn from_json(text: &[u8]) -> Result<Self, Refusal> {
        let event: Self = json::read_object(text).map_err(Refusal::InvalidEvent)?;
        if names::is_stream_key(&event.workflow_execution_id) {
            return Ok(event);
        }
        Err(Refusal::InvalidEvent(format!(
            "workflowExecutionId is {:?}; expected one token of [A-Za-z0-9_-]+",
            event.workflow_execution_id
        )))
    }
}

/// An event on its way to subscribers, who share it.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Delivery {
    /// Of a tenant.
    Event(Arc<FlovynEvent>),
    /// Of a stream.
    Stream(Arc<StreamEvent>),
}
