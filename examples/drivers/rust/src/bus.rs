//! What a bus has to offer to be driven. Whoever has read this file can put another one in.

use serde::Serialize;

use crate::Refusal;
use crate::event::{Delivery, FlovynEvent, StreamEvent};
use crate::pattern::EventPattern;

/// Where clients come from.
pub trait Bus: Send + Sync + 'static {
    /// One client of the bus.
    type Client: Client;

    /// The name the driver gives itself.
    const NAME: &'static str;

    /// What is claimed; what is missing has the protocol's default.
    fn capabilities(&self) -> Capabilities;

    /// Opens one more client, at the address if one is given.
    fn connect(
        &self,
        address: Option<String>,
    ) -> impl Future<Output = Result<Self::Client, Refusal>> + Send;
}

/// One client of a bus.
///
/// The first poll of a future that a method returns begins its work: the driver polls in the order
/// in which requests come.
pub trait Client: Send + Sync + 'static {
    /// A subscription of it.
    type Feed: Feed;

    /// Hands the event to every matching active subscription; done when the bus has it.
    fn publish(&self, event: FlovynEvent) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Hands the event to every active subscription of its key.
    fn publish_stream(
        &self,
        event: StreamEvent,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Subscribes to a tenant's events; done when the subscription is active.
    fn subscribe(
        &self,
        pattern: EventPattern,
    ) -> impl Future<Output = Result<Self::Feed, Refusal>> + Send;

    /// Subscribes to a stream; done when the subscription is active.
    fn subscribe_stream(
        &self,
        key: String,
    ) -> impl Future<Output = Result<Self::Feed, Refusal>> + Send;

    /// Removes channels without an active subscription; answers how many.
    fn cleanup(&self) -> usize;

    /// How many channels there are.
    fn channels(&self) -> Channels;

    /// Closes this client alone. What has reached it stays readable in its feeds.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// An active subscription, with the buffer that users of the bus have.
pub trait Feed: Send + 'static {
    /// The next event; `None` when none will ever come. Dropping the future loses no event.
    fn recv(&mut self) -> impl Future<Output = Option<Delivery>> + Send;

    /// The next event if it is there.
    fn try_recv(&mut self) -> Option<Delivery>;

    /// Events lost to overflow so far; `None`: the bus does not tell.
    fn dropped(&self) -> Option<u64>;

    /// The client closes: from now on only what is buffered can be read.
    fn finish(&mut self);

    /// Ends the subscription; done when the bus holds nothing of it.
    fn leave(&mut self) -> impl Future<Output = ()> + Send;
}

/// How many channels a bus keeps, per tenant and per stream key.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Channels {
    /// Of tenants.
    pub events: usize,
    /// Of streams.
    pub streams: usize,
}

/// What is claimed for a bus.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Capabilities {
    /// Unread events that a subscription to a tenant holds.
    pub event_capacity: usize,
    /// Unread events that a subscription to a stream holds.
    pub stream_capacity: usize,
    /// Which events an overrun costs.
    pub overflow: &'static str,
    /// What counts against the capacity.
    pub overflow_scope: &'static str,
    /// Whether all subscriptions of a tenant see one order.
    pub total_order: bool,
    /// Whether no effect is seen before its cause.
    pub causal_order: bool,
    /// The largest event that is surely delivered.
    pub max_event_bytes: usize,
}
