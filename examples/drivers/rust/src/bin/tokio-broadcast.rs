//! Driver `tokio-broadcast`: an in-memory bus of `tokio::sync::broadcast` channels, one for each
//! tenant and one for each stream key. All clients share them.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use eventhook_drivers::bus::{Bus, Capabilities, Channels, Client, Feed};
use eventhook_drivers::event::{Delivery, FlovynEvent, StreamEvent};
use eventhook_drivers::pattern::{EventPattern, Wanted};
use eventhook_drivers::{Refusal, serve};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{Receiver, Sender};
use uuid::Uuid;

const EVENT_CAPACITY: usize = 1024;
const STREAM_CAPACITY: usize = 256;

/// The channels of one side of the bus, by tenant or stream key.
struct Topics<K> {
    capacity: usize,
    senders: RwLock<HashMap<K, Sender<Delivery>>>,
}

impl<K: Eq + Hash> Topics<K> {
    fn new(capacity: usize) -> Self {
        let senders = RwLock::default();
        Self { capacity, senders }
    }

    fn subscribe(&self, key: K) -> Receiver<Delivery> {
        let mut senders = self.senders.write().unwrap_or_else(PoisonError::into_inner);
        senders
            .entry(key)
            .or_insert_with(|| Sender::new(self.capacity))
            .subscribe()
    }

    /// Sends under the lock: no cleanup can come between finding the channel and using it.
    fn publish(&self, key: &K, delivery: Delivery) {
        let senders = self.senders.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = senders.get(key) {
            // The one error is that nobody listens, which is no failure of a publish.
            sender.send(delivery).ok();
        }
    }

    fn remove_idle(&self) -> usize {
        let mut senders = self.senders.write().unwrap_or_else(PoisonError::into_inner);
        let before = senders.len();
        senders.retain(|_, sender| sender.receiver_count() > 0);
        before - senders.len()
    }

    fn len(&self) -> usize {
        self.senders
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

struct Broadcast {
    events: Topics<Uuid>,
    streams: Topics<String>,
}

struct TokioBroadcast(Arc<Broadcast>);

impl Bus for TokioBroadcast {
    type Client = Handle;

    const NAME: &'static str = "tokio-broadcast";

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            event_capacity: EVENT_CAPACITY,
            stream_capacity: STREAM_CAPACITY,
            overflow: "drop_oldest",
            // A receiver filters what it takes from the tenant's ring; the ring holds all.
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
            .publish(&tenant, Delivery::Event(Arc::new(event)));
        Ok(())
    }

    async fn publish_stream(&self, event: StreamEvent) -> Result<(), Refusal> {
        let key = event.workflow_execution_id.clone();
        self.0
            .streams
            .publish(&key, Delivery::Stream(Arc::new(event)));
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
            match receiver.recv().await {
                Ok(delivery) if self.wanted.admits(&delivery) => return Some(delivery),
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => self.dropped += missed,
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
                Err(TryRecvError::Lagged(missed)) => self.dropped += missed,
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
    let events = Topics::new(EVENT_CAPACITY);
    let streams = Topics::new(STREAM_CAPACITY);
    serve(TokioBroadcast(Arc::new(Broadcast { events, streams }))).await
}
