//! Why a request is refused, with the protocol's code for it.

use thiserror::Error;

/// An error of the contract, or of the protocol. The text is for people.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The event breaks the contract; nothing was sent.
    #[error("invalid event: {0}")]
    InvalidEvent(String),
    /// The pattern, or a stream's key to subscribe to, breaks the contract.
    #[error("invalid pattern: {0}")]
    InvalidPattern(String),
    /// The bus could not take the event.
    #[error("not published: {0}")]
    Publish(String),
    /// The client was closed.
    #[error("{0} was closed")]
    Closed(String),
    /// The subscription could not be made active.
    #[error("not subscribed: {0}")]
    Subscribe(String),
    /// There is no such method.
    #[error("there is no method {0:?}")]
    UnknownMethod(String),
    /// There is no such client or subscription, or the parameters are none of the method's.
    #[error("{0}")]
    Params(String),
    /// The driver is at fault, or cannot do its work.
    #[error("{0}")]
    Fault(String),
}

impl Refusal {
    /// The code that the protocol gives it.
    #[must_use]
    pub const fn code(&self) -> i32 {
        match self {
            Self::InvalidEvent(_) => -32001,
            Self::InvalidPattern(_) => -32002,
            Self::Publish(_) => -32003,
            Self::Closed(_) => -32004,
            Self::Subscribe(_) => -32005,
            Self::UnknownMethod(_) => -32601,
            Self::Params(_) => -32602,
            Self::Fault(_) => -32603,
        }
    }
}
