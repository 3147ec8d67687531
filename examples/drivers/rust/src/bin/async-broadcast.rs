//! Driver `async-broadcast`: an in-memory bus of `async_broadcast` channels, one for each tenant and
//! one for each stream key. All clients share them.
//!
//! A full channel holds its publishers up, as it does by default; with `--overflow` it drops its oldest.

use std::collections::{HashMap, VecDeque};
use std::env;
use std::hash::Hash;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use async_broadcast::{InactiveReceiver, Receiver, RecvError, Sender, TryRecvError, broadcast};
use eventhook_drivers::bus::{Bus, Capabilities, Channels, Client, Feed};
use eventhook_drivers::event::{Delivery, FlovynEvent, StreamEvent};
use eventhook_drivers::pattern::{EventPattern, Wanted};
use eventhook_drivers::{Refusal, serve};
use uuid::Uuid;

const EVENT_CAPACITY: usize = 1024;
const STREAM_CAPACITY: usize = 256;

/// A channel; without a receiver of its own it would be closed by its last reader.
type Topic = (Sender<Delivery>, InactiveReceiver<Delivery>);

/// The channels of one side of the bus, by tenant or stream key.
struct Topics<K> {
    capacity: usize,
    overflow: bool,
    topics: RwLock<HashMap<K, Topic>>,
}

impl<K: Eq + Hash> Topics<K> {
    fn new(capacity: usize, overflow: bool) -> Self {
        let topics = RwLock::default();
        Self {
            capacity,
            overflow,
            topics,
        }
    }

    fn open(&self) -> Topic {
        let (mut sender, receiver) = broadcast(self.capacity);
        sender.set_overflow(self.overflow);
        // A publish without subscribers returns, where by default it waits for one.
        sender.set_await_active(false);
        (sender, receiver.deactivate())
    }

    fn subscribe(&self, key: K) -> Receiver<Delivery> {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let (sender, _) = topics.entry(key).or_insert_with(|| self.open());
        sender.new_receiver()
    }

    async fn publish(&self, key: &K, delivery: Delivery) {
        let sender = {
            let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
            topics.get(key).map(|(sender, _)| sender.clone())
        };
        if let Some(sender) = sender {
            // The one error is that nobody listens, which is no failure of a publish.
            sender.broadcast_direct(delivery).await.ok();
        }
    }

    fn remove_idle(&self) -> usize {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let before = topics.len();
        topics.retain(|_, (sender, _)| sender.receiver_count() > 0);
        before - topics.len()
    }

    fn len(&self) -> usize {
        self.topics
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

struct Broadcast {
    events: Topics<Uuid>,
    streams: Topics<String>,
}

struct AsyncBroadcast(Arc<Broadcast>);

impl Bus for AsyncBroadcast {
    type Client = Handle;

    const NAME: &'static str = "async-broadcast";

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            event_capacity: EVENT_CAPACITY,
            stream_capacity: STREAM_CAPACITY,
            overflow: if self.0.events.overflow {
                "drop_oldest"
            } else {
                "block"
            },
            // A receiver filters what it takes from the tenant's channel; the channel holds all.
            overflow_scope: "tenant",
            total_order: true,
            causal_order: true,
            max_event_bytes: 1024 * 1024,
        }
    }

    async fn connect(&self, _address: Option<String>) -> Result<Handle, Refusal> {
        Ok(Handle(Arc::clone(&self.0)))
    }
}

/// One client: nothing but a handle to the channels that all share.
struct Handle(Arc<Broadcast>);

impl Client for Handle {
    type Feed = BroadcastFeed;

    async fn publish(&self, event: FlovynEvent) -> Result<(), Refusal> {
        let tenant = event.tenant_id;
        self.0
            .events
            .publish(&tenant, Delivery::Event(Arc::new(event)))
            .await;
        Ok(())
    }

    async fn publish_stream(&self, event: StreamEvent) -> Result<(), Refusal> {
        let key = event.workflow_execution_id.clone();
        self.0
            .streams
            .publish(&key, Delivery::Stream(Arc::new(event)))
            .await;
        Ok(())
    }

    async fn subscribe(&self, pattern: EventPattern) -> Result<BroadcastFeed, Refusal> {
        let receiver = self.0.events.subscribe(pattern.tenant_id);
        Ok(BroadcastFeed::new(receiver, Wanted::Events(pattern)))
    }

    async fn subscribe_stream(&self, key: String) -> Result<BroadcastFeed, Refusal> {
        let receiver = self.0.streams.subscribe(key.clone());
        Ok(BroadcastFeed::new(receiver, Wanted::Stream(key)))
    }

    fn cleanup(&self) -> usize {
        self.0.events.remove_idle() + self.0.streams.remove_idle()
    }

    fn channels(&self) -> Channels {
        Channels {
            events: self.0.events.len(),
            streams: self.0.streams.len(),
        }
    }

    async fn close(&self) {}
}

struct BroadcastFeed {
    /// `None` once the subscription was left, or its client closed.
    receiver: Option<Receiver<Delivery>>,
    /// What was unread when the client closed.
    rest: VecDeque<Delivery>,
    wanted: Wanted,
    dropped: u64,
}

impl BroadcastFeed {
    fn new(receiver: Receiver<Delivery>, wanted: Wanted) -> Self {
        Self {
            receiver: Some(receiver),
            rest: VecDeque::new(),
            wanted,
            dropped: 0,
        }
    }
}

impl Feed for BroadcastFeed {
    async fn recv(&mut self) -> Option<Delivery> {
        let Some(receiver) = &mut self.receiver else {
            return self.rest.pop_front();
        };
        loop {
            match receiver.recv_direct().await {
                Ok(delivery) if self.wanted.admits(&delivery) => return Some(delivery),
                Ok(_) => {}
                Err(RecvError::Overflowed(missed)) => self.dropped += missed,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn try_recv(&mut self) -> Option<Delivery> {
        let Some(receiver) = &mut self.receiver else {
            return self.rest.pop_front();
        };
        loop {
            match receiver.try_recv() {
                Ok(delivery) if self.wanted.admits(&delivery) => return Some(delivery),
                Ok(_) => {}
                Err(TryRecvError::Overflowed(missed)) => self.dropped += missed,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }

    fn dropped(&self) -> Option<u64> {
        Some(self.dropped)
    }

    /// The channel goes on without this receiver, which would get what others publish now.
    fn finish(&mut self) {
        if self.receiver.is_some() {
            self.rest = std::iter::from_fn(|| self.try_recv()).collect();
            self.receiver = None;
        }
    }

    async fn leave(&mut self) {
        self.receiver = None;
        self.rest.clear();
    }
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let overflow = env::args().any(|one| one == "--overflow");
    let events = Topics::new(EVENT_CAPACITY, overflow);
    let streams = Topics::new(STREAM_CAPACITY, overflow);
    serve(AsyncBroadcast(Arc::new(Broadcast { events, streams }))).await
}
