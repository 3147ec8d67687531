//! Buses of the Rust ecosystem behind the driver protocol of `eventhook-conformance`.
//!
//! [`serve`] speaks the protocol on standard input and output for whatever implements [`bus::Bus`].
//! The two programs of this crate are such buses: `tokio-broadcast` and `async-nats-bus`.

pub mod bus;
mod driver;
pub mod event;
mod json;
pub mod names;
pub mod pattern;
mod reader;
mod refusal;
mod rpc;
pub mod subjects;

pub use refusal::Refusal;
pub use rpc::serve;
