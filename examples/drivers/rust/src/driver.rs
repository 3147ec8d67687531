//! The methods of the protocol, over any bus.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::Refusal;
use crate::bus::{Bus, Client, Feed};
use crate::event::{FlovynEvent, StreamEvent};
use crate::names;
use crate::pattern::EventPattern;

const MAX_LINE: usize = 4 * 1024 * 1024;
/// Room for what stands around events in a line, and for members that an event did not write out.
const ENVELOPE: usize = 1024;

type Answer = Result<Box<RawValue>, Refusal>;

/// The clients and subscriptions of one run.
pub struct Driver<B: Bus> {
    bus: B,
    held: Mutex<Held<B::Client>>,
}

struct Held<C: Client> {
    opened: u64,
    subscribed: u64,
    clients: HashMap<String, Arc<Opened<C>>>,
    subscriptions: HashMap<String, Arc<Subscribed<C>>>,
}

struct Opened<C> {
    client: C,
    /// Done once the client was closed, or is about to be.
    closing: CancellationToken,
}

struct Subscribed<C: Client> {
    of: Arc<Opened<C>>,
    left: CancellationToken,
    reader: tokio::sync::Mutex<Reader<C::Feed>>,
}

struct Reader<F> {
    feed: F,
    /// Read, but there was no more room for it in the line.
    kept: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Initialize {
    protocol: u64,
}

#[derive(Deserialize)]
struct Open {
    #[serde(default)]
    address: Option<String>,
}

#[derive(Deserialize)]
struct OfClient {
    client: String,
}

#[derive(Deserialize)]
struct Publish<'a> {
    client: String,
    #[serde(borrow)]
    event: &'a RawValue,
}

#[derive(Deserialize)]
struct Subscribe<'a> {
    client: String,
    #[serde(borrow)]
    pattern: &'a RawValue,
}

#[derive(Deserialize)]
struct SubscribeStream<'a> {
    client: String,
    #[serde(borrow)]
    workflow_execution_id: &'a RawValue,
}

#[derive(Deserialize)]
struct OfSubscription {
    subscription: String,
}

#[derive(Deserialize)]
struct Next {
    subscription: String,
    max: usize,
    timeout_ms: u64,
}

#[derive(Serialize)]
struct Events {
    events: Vec<Box<RawValue>>,
    ended: bool,
    dropped: Option<u64>,
}

impl<B: Bus> Driver<B> {
    pub fn new(bus: B) -> Self {
        let held = Held {
            opened: 0,
            subscribed: 0,
            clients: HashMap::new(),
            subscriptions: HashMap::new(),
        };
        Self {
            bus,
            held: Mutex::new(held),
        }
    }

    /// Answers one request. The first poll begins its work.
    pub async fn call(&self, method: &str, params: &RawValue) -> Answer {
        match method {
            "initialize" => self.initialize(&read(params)?),
            "open" => self.open(read(params)?).await,
            "close" => self.close(&read(params)?).await,
            "publish" => self.publish(read(params)?).await,
            "publish_stream" => self.publish_stream(read(params)?).await,
            "subscribe" => self.subscribe(read(params)?).await,
            "subscribe_stream" => self.subscribe_stream(read(params)?).await,
            "next" => self.next(read(params)?).await,
            "unsubscribe" => self.unsubscribe(&read(params)?).await,
            "cleanup" => {
                let opened = self.open_client(&read::<OfClient>(params)?.client)?;
                answer(&json!({"removed": opened.client.cleanup()}))
            }
            "channels" => {
                let opened = self.open_client(&read::<OfClient>(params)?.client)?;
                answer(&opened.client.channels())
            }
            "shutdown" => answer(&json!({})),
            _ => Err(Refusal::UnknownMethod(method.to_owned())),
        }
    }

    fn initialize(&self, params: &Initialize) -> Answer {
        if params.protocol != 1 {
            let message = format!("protocol {} is not spoken here; 1 is", params.protocol);
            return Err(Refusal::Params(message));
        }
        answer(&json!({
            "protocol": 1,
            "name": B::NAME,
            "version": env!("CARGO_PKG_VERSION"),
            "language": "Rust",
            "capabilities": self.bus.capabilities(),
        }))
    }

    async fn open(&self, params: Open) -> Answer {
        let client = self.bus.connect(params.address).await?;
        let mut held = self.held();
        held.opened += 1;
        let name = format!("c{}", held.opened);
        let closing = CancellationToken::new();
        held.clients
            .insert(name.clone(), Arc::new(Opened { client, closing }));
        answer(&json!({"client": name}))
    }

    async fn close(&self, params: &OfClient) -> Answer {
        let opened = self.client(&params.client)?;
        if opened.closing.is_cancelled() {
            return answer(&json!({}));
        }
        opened.client.close().await;
        opened.closing.cancel();
        let its: Vec<_> = self
            .held()
            .subscriptions
            .values()
            .filter(|subscribed| Arc::ptr_eq(&subscribed.of, &opened))
            .cloned()
            .collect();
        for subscribed in its {
            subscribed.reader.lock().await.feed.finish();
        }
        answer(&json!({}))
    }

    async fn publish(&self, params: Publish<'_>) -> Answer {
        let opened = self.open_client(&params.client)?;
        let event = FlovynEvent::from_json(sized(params.event)?)?;
        opened.client.publish(event).await?;
        answer(&json!({}))
    }

    async fn publish_stream(&self, params: Publish<'_>) -> Answer {
        let opened = self.open_client(&params.client)?;
        let event = StreamEvent::from_json(sized(params.event)?)?;
        opened.client.publish_stream(event).await?;
        answer(&json!({}))
    }

    async fn subscribe(&self, params: Subscribe<'_>) -> Answer {
        let opened = self.open_client(&params.client)?;
        let pattern = EventPattern::from_json(params.pattern.get().as_bytes())?;
        let feed = opened.client.subscribe(pattern).await?;
        self.subscribed(&params.client, opened, feed)
    }

    async fn subscribe_stream(&self, params: SubscribeStream<'_>) -> Answer {
        let opened = self.open_client(&params.client)?;
        let key = params.workflow_execution_id.get();
        let key = serde_json::from_str(key)
            .ok()
            .filter(|key: &String| names::is_stream_key(key))
            .ok_or_else(|| Refusal::InvalidPattern(format!("{key} is no stream's key")))?;
        let feed = opened.client.subscribe_stream(key).await?;
        self.subscribed(&params.client, opened, feed)
    }

    fn subscribed(
        &self,
        client: &str,
        of: Arc<Opened<B::Client>>,
        feed: <B::Client as Client>::Feed,
    ) -> Answer {
        let mut held = self.held();
        if of.closing.is_cancelled() {
            return Err(Refusal::Closed(client.to_owned()));
        }
        held.subscribed += 1;
        let name = format!("s{}", held.subscribed);
        let reader = tokio::sync::Mutex::new(Reader { feed, kept: None });
        let left = CancellationToken::new();
        let subscribed = Subscribed { of, left, reader };
        held.subscriptions
            .insert(name.clone(), Arc::new(subscribed));
        answer(&json!({"subscription": name}))
    }

    async fn next(&self, params: Next) -> Answer {
        let subscribed = self.subscription(&params.subscription)?;
        let mut reader = subscribed.reader.lock().await;
        let first = tokio::select! {
            biased;
            () = subscribed.left.cancelled() => return answer(&reader.answer(Vec::new(), true)),
            first = reader.recv() => first,
            () = subscribed.of.closing.cancelled() => None,
            () = sleep(Duration::from_millis(params.timeout_ms)) => {
                return answer(&reader.answer(Vec::new(), false));
            }
        };
        let Some(first) = first else {
            return answer(&reader.answer(Vec::new(), true));
        };
        let events = reader.fill(first, params.max);
        answer(&reader.answer(events, false))
    }

    async fn unsubscribe(&self, params: &OfSubscription) -> Answer {
        let subscribed = self.subscription(&params.subscription)?;
        self.held().subscriptions.remove(&params.subscription);
        subscribed.left.cancel();
        subscribed.reader.lock().await.feed.leave().await;
        answer(&json!({}))
    }

    fn client(&self, name: &str) -> Result<Arc<Opened<B::Client>>, Refusal> {
        let found = self.held().clients.get(name).cloned();
        found.ok_or_else(|| Refusal::Params(format!("there is no client {name:?}")))
    }

    fn open_client(&self, name: &str) -> Result<Arc<Opened<B::Client>>, Refusal> {
        let opened = self.client(name)?;
        if opened.closing.is_cancelled() {
            return Err(Refusal::Closed(name.to_owned()));
        }
        Ok(opened)
    }

    fn subscription(&self, name: &str) -> Result<Arc<Subscribed<B::Client>>, Refusal> {
        let found = self.held().subscriptions.get(name).cloned();
        found.ok_or_else(|| Refusal::Params(format!("there is no subscription {name:?}")))
    }

    fn held(&self) -> MutexGuard<'_, Held<B::Client>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Feed> Reader<F> {
    async fn recv(&mut self) -> Option<Box<RawValue>> {
        match self.kept.take() {
            Some(kept) => Some(kept),
            None => self.feed.recv().await.map(|delivery| raw(&delivery)),
        }
    }

    /// What else is there, up to `max` in all, as far as a line has room.
    fn fill(&mut self, first: Box<RawValue>, max: usize) -> Vec<Box<RawValue>> {
        let mut room = (MAX_LINE - ENVELOPE).saturating_sub(first.get().len());
        let mut events = vec![first];
        while events.len() < max {
            let Some(delivery) = self.feed.try_recv() else {
                break;
            };
            let text = raw(&delivery);
            let needed = text.get().len() + 1;
            if needed > room {
                self.kept = Some(text);
                break;
            }
            room -= needed;
            events.push(text);
        }
        events
    }

    fn answer(&self, events: Vec<Box<RawValue>>, ended: bool) -> Events {
        Events {
            events,
            ended,
            dropped: self.feed.dropped(),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(params: &'a RawValue) -> Result<T, Refusal> {
    serde_json::from_str(params.get()).map_err(|error| Refusal::Params(error.to_string()))
}

/// The event's text, if it can come back in one line.
fn sized(event: &RawValue) -> Result<&[u8], Refusal> {
    let size = event.get().len();
    if size > MAX_LINE - 2 * ENVELOPE {
        let message = format!("the event has {size} bytes; no line of an answer has room for it");
        return Err(Refusal::Publish(message));
    }
    Ok(event.get().as_bytes())
}

fn answer<T: Serialize>(result: &T) -> Answer {
    Ok(raw(result))
}

fn raw<T: Serialize>(value: &T) -> Box<RawValue> {
    to_raw_value(value).expect("what this program holds has a JSON form")
}
