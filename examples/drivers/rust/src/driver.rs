//! The methods of the protocol, over any bus.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::Refusal;
use crate::bus::{Bus, Client, Feed as _};
use crate::event::{FlovynEvent, StreamEvent};
use crate::names;
use crate::pattern::EventPattern;
use crate::reader::{Reader, raw, sized};

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
    /// Set when closing begins: from then on the client takes nothing.
    closing: AtomicBool,
    /// Done when all that its subscriptions will ever hold is there.
    closed: CancellationToken,
}

impl<C> Opened<C> {
    fn new(client: C) -> Self {
        let closing = AtomicBool::new(false);
        let closed = CancellationToken::new();
        Self {
            client,
            closing,
            closed,
        }
    }
}

struct Subscribed<C: Client> {
    of: Arc<Opened<C>>,
    left: CancellationToken,
    reader: tokio::sync::Mutex<Reader<C::Feed>>,
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
                Ok(raw(&json!({"removed": opened.client.cleanup()})))
            }
            "channels" => {
                let opened = self.open_client(&read::<OfClient>(params)?.client)?;
                Ok(raw(&opened.client.channels()))
            }
            "shutdown" => Ok(raw(&json!({}))),
            _ => Err(Refusal::UnknownMethod(method.to_owned())),
        }
    }

    fn initialize(&self, params: &Initialize) -> Answer {
        if params.protocol != 1 {
            let message = format!("protocol {} is not spoken here; 1 is", params.protocol);
            return Err(Refusal::Params(message));
        }
        Ok(raw(&json!({
            "protocol": 1,
            "name": B::NAME,
            "version": env!("CARGO_PKG_VERSION"),
            "language": "Rust",
            "capabilities": self.bus.capabilities(),
        })))
    }

    async fn open(&self, params: Open) -> Answer {
        let client = self.bus.connect(params.address).await?;
        let mut held = self.held();
        held.opened += 1;
        let name = format!("c{}", held.opened);
        held.clients
            .insert(name.clone(), Arc::new(Opened::new(client)));
        Ok(raw(&json!({"client": name})))
    }

    async fn close(&self, params: &OfClient) -> Answer {
        let opened = self.client(&params.client)?;
        if opened.closing.swap(true, Ordering::Relaxed) {
            opened.closed.cancelled().await;
            return Ok(raw(&json!({})));
        }
        opened.client.close().await;
        opened.closed.cancel();
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
        Ok(raw(&json!({})))
    }

    async fn publish(&self, params: Publish<'_>) -> Answer {
        let opened = self.open_client(&params.client)?;
        let event = FlovynEvent::from_json(sized(params.event)?)?;
        opened.client.publish(event).await?;
        Ok(raw(&json!({})))
    }

    async fn publish_stream(&self, params: Publish<'_>) -> Answer {
        let opened = self.open_client(&params.client)?;
        let event = StreamEvent::from_json(sized(params.event)?)?;
        opened.client.publish_stream(event).await?;
        Ok(raw(&json!({})))
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
        if of.closing.load(Ordering::Relaxed) {
            return Err(Refusal::Closed(client.to_owned()));
        }
        held.subscribed += 1;
        let name = format!("s{}", held.subscribed);
        let reader = tokio::sync::Mutex::new(Reader::new(feed));
        let left = CancellationToken::new();
        let subscribed = Subscribed { of, left, reader };
        held.subscriptions
            .insert(name.clone(), Arc::new(subscribed));
        Ok(raw(&json!({"subscription": name})))
    }

    async fn next(&self, params: Next) -> Answer {
        let subscribed = self.subscription(&params.subscription)?;
        let mut reader = subscribed.reader.lock().await;
        let first = tokio::select! {
            biased;
            () = subscribed.left.cancelled() => return Ok(raw(&reader.batch(Vec::new(), true))),
            first = reader.recv() => first,
            () = subscribed.of.closed.cancelled() => None,
            () = sleep(Duration::from_millis(params.timeout_ms)) => {
                return Ok(raw(&reader.batch(Vec::new(), false)));
            }
        };
        let Some(first) = first else {
            return Ok(raw(&reader.batch(Vec::new(), true)));
        };
        let events = reader.fill(first, params.max);
        Ok(raw(&reader.batch(events, false)))
    }

    async fn unsubscribe(&self, params: &OfSubscription) -> Answer {
        let subscribed = self.subscription(&params.subscription)?;
        self.held().subscriptions.remove(&params.subscription);
        subscribed.left.cancel();
        subscribed.reader.lock().await.feed.leave().await;
        Ok(raw(&json!({})))
    }

    fn client(&self, name: &str) -> Result<Arc<Opened<B::Client>>, Refusal> {
        let found = self.held().clients.get(name).cloned();
        found.ok_or_else(|| Refusal::Params(format!("there is no client {name:?}")))
    }

    fn open_client(&self, name: &str) -> Result<Arc<Opened<B::Client>>, Refusal> {
        let opened = self.client(name)?;
        if opened.closing.load(Ordering::Relaxed) {
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

fn read<'a, T: Deserialize<'a>>(params: &'a RawValue) -> Result<T, Refusal> {
    serde_json::from_str(params.get()).map_err(|error| Refusal::Params(error.to_string()))
}
