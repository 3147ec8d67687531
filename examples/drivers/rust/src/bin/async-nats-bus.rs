//! Driver `async-nats-bus`: each client is a connection of its own to a NATS server.
//!
//! The server is the address that `open` gives, else `NATS_URL`.

use std::env;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{ConnectOptions, Event, Message, Subscriber};
use eventhook_drivers::bus::{Bus, Capabilities, Channels, Client, Feed};
use eventhook_drivers::event::{Delivery, FlovynEvent, StreamEvent};
use eventhook_drivers::pattern::{EventPattern, Wanted};
use eventhook_drivers::{Refusal, serve, subjects};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::Notify;
use tokio::time::timeout;

/// One number for all subscriptions of a connection: async-nats has no other.
const CAPACITY: usize = 1024;
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

struct AsyncNats;

impl Bus for AsyncNats {
    type Client = Connection;

    const NAME: &'static str = "async-nats-bus";

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            event_capacity: CAPACITY,
            stream_capacity: CAPACITY,
            // What a full subscriber cannot take is thrown away as it comes in from the server.
            overflow: "drop_newest",
            // Subjects narrow by tenant and category; the rest is filtered behind the buffer.
            overflow_scope: "tenant",
            total_order: false,
            causal_order: true,
            max_event_bytes: 1024 * 1024,
        }
    }

    async fn connect(&self, address: Option<String>) -> Result<Connection, Refusal> {
        let address = address
            .or_else(|| env::var("NATS_URL").ok())
            .ok_or_else(|| Refusal::Fault("set NATS_URL to the server's address".to_owned()))?;
        Connection::open(&address)
            .await
            .map_err(|error| Refusal::Fault(format!("cannot connect to NATS_URL: {error}")))
    }
}

struct Connection {
    nats: async_nats::Client,
    closed: Arc<Notify>,
}

impl Connection {
    async fn open(address: &str) -> Result<Self, async_nats::ConnectError> {
        let closed = Arc::new(Notify::new());
        let told = Arc::clone(&closed);
        let nats = ConnectOptions::new()
            .subscription_capacity(CAPACITY)
            .request_timeout(Some(ANSWER_WITHIN))
            .event_callback(move |event| {
                if event == Event::Closed {
                    told.notify_one();
                }
                async {}
            })
            .connect(address)
            .await?;
        Ok(Self { nats, closed })
    }

    /// Done when the server has processed all that this connection sent before.
    ///
    /// `flush` of async-nats cannot tell: it is done when the socket has the bytes, and asks the
    /// server nothing. A request that nobody answers comes back from the server itself, in order.
    async fn round_trip(&self) -> Result<(), String> {
        let nobody = self.nats.new_inbox();
        match self.nats.request(nobody, "".into()).await {
            Err(error) if error.kind() == RequestErrorKind::NoResponders => Ok(()),
            Err(error) => Err(error.to_string()),
            Ok(_) => Err("somebody answered a request that nobody knew".to_owned()),
        }
    }

    async fn send(&self, subject: String, body: Vec<u8>) -> Result<(), Refusal> {
        self.nats
            .publish(subject, body.into())
            .await
            .map_err(|error| Refusal::Publish(error.to_string()))?;
        self.round_trip().await.map_err(Refusal::Publish)
    }

    async fn attach(&self, subject: String, wanted: Wanted) -> Result<NatsFeed, Refusal> {
        let subscriber = self
            .nats
            .subscribe(subject)
            .await
            .map_err(|error| Refusal::Subscribe(error.to_string()))?;
        self.round_trip().await.map_err(Refusal::Subscribe)?;
        let connection = Self {
            nats: self.nats.clone(),
            closed: Arc::clone(&self.closed),
        };
        Ok(NatsFeed {
            connection,
            subscriber,
            wanted,
        })
    }
}

impl Client for Connection {
    type Feed = NatsFeed;

    async fn publish(&self, event: FlovynEvent) -> Result<(), Refusal> {
        self.send(subjects::of_event(&event), body(&event)).await
    }

    async fn publish_stream(&self, event: StreamEvent) -> Result<(), Refusal> {
        self.send(
            subjects::of_stream(&event.workflow_execution_id),
            body(&event),
        )
        .await
    }

    async fn subscribe(&self, pattern: EventPattern) -> Result<NatsFeed, Refusal> {
        self.attach(subjects::of_pattern(&pattern), Wanted::Events(pattern))
            .await
    }

    async fn subscribe_stream(&self, key: String) -> Result<NatsFeed, Refusal> {
        self.attach(subjects::of_stream(&key), Wanted::Stream(key))
            .await
    }

    /// Channels are the server's affair, and gone with their last subscription.
    fn cleanup(&self) -> usize {
        0
    }

    fn channels(&self) -> Channels {
        Channels {
            events: 0,
            streams: 0,
        }
    }

    /// Draining lets subscribers read what they hold, then end. It does not wait for what is still
    /// on its way from the server; the round trip does.
    async fn close(&self) {
        self.round_trip().await.ok();
        self.nats.drain().await.ok();
        timeout(ANSWER_WITHIN, self.closed.notified()).await.ok();
    }
}

struct NatsFeed {
    connection: Connection,
    subscriber: Subscriber,
    wanted: Wanted,
}

impl NatsFeed {
    /// What the message holds for this subscription; whatever else stands on the subject is skipped.
    fn read(&self, message: &Message) -> Option<Delivery> {
        let (delivery, subject) = match &self.wanted {
            Wanted::Events(_) => {
                let event = FlovynEvent::from_json(&message.payload).ok()?;
                let subject = subjects::of_event(&event);
                (Delivery::Event(Arc::new(event)), subject)
            }
            Wanted::Stream(_) => {
                let event = StreamEvent::from_json(&message.payload).ok()?;
                let subject = subjects::of_stream(&event.workflow_execution_id);
                (Delivery::Stream(Arc::new(event)), subject)
            }
        };
        // The server has checked permissions on the subject alone; a body may name another place.
        let its = message.subject.as_str() == subject && self.wanted.admits(&delivery);
        its.then_some(delivery)
    }
}

impl Feed for NatsFeed {
    async fn recv(&mut self) -> Option<Delivery> {
        loop {
            let message = self.subscriber.next().await?;
            if let Some(delivery) = self.read(&message) {
                return Some(delivery);
            }
        }
    }

    fn try_recv(&mut self) -> Option<Delivery> {
        self.recv().now_or_never().flatten()
    }

    /// The connection's callback is told of each loss, by a number that a `Subscriber` does not show.
    fn dropped(&self) -> Option<u64> {
        None
    }

    fn finish(&mut self) {}

    async fn leave(&mut self) {
        if self.subscriber.unsubscribe().await.is_ok() {
            self.connection.round_trip().await.ok();
        }
    }
}

fn body<T: serde::Serialize>(event: &T) -> Vec<u8> {
    serde_json::to_vec(event).expect("an event has a JSON form")
}

#[tokio::main]
async fn main() -> io::Result<()> {
    serve(AsyncNats).await
}
