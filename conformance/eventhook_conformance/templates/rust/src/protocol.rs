//! The methods of the protocol, and its lines of JSON-RPC on standard input and output.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::mpsc;

use crate::buffer::Buffer;
use crate::contract::{self, Members, checked, matches};
use crate::{Attached, Bus, Kind, Sink, about};

const INVALID_EVENT: i32 = -32001;
const INVALID_PATTERN: i32 = -32002;
const PUBLISH_FAILED: i32 = -32003;
const CLOSED: i32 = -32004;
const SUBSCRIBE_FAILED: i32 = -32005;
const UNKNOWN_METHOD: i32 = -32601;
const UNKNOWN_NAME: i32 = -32602;
const FAULT: i32 = -32603;

const LINES_READ_AHEAD: usize = 64;

/// An error of the protocol.
#[derive(Serialize)]
struct Refusal {
    code: i32,
    message: String,
}

/// An error of the bus, with the code of what was asked of it.
fn refusal(code: i32) -> impl Fn(String) -> Refusal {
    move |message| Refusal { code, message }
}

type Answer = Result<Box<RawValue>, Refusal>;

#[derive(Deserialize)]
struct Request {
    id: u64,
    method: String,
    params: Params,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Params {
    address: Option<String>,
    client: String,
    event: Option<Box<RawValue>>,
    pattern: Option<Box<RawValue>>,
    workflow_execution_id: Option<Box<RawValue>>,
    subscription: String,
    max: usize,
    timeout_ms: u64,
}

struct Client {
    bus: Bus,
    closed: AtomicBool,
}

struct Subscription {
    of: Arc<Client>,
    attached: Attached,
    buffer: Arc<Buffer>,
}

#[derive(Default)]
struct Driver {
    clients: Mutex<HashMap<String, Arc<Client>>>,
    subscriptions: Mutex<HashMap<String, Arc<Subscription>>>,
    names: AtomicU64,
}

impl Driver {
    async fn call(&self, method: &str, params: Params) -> Answer {
        match method {
            "initialize" => Ok(raw(&about())),
            "shutdown" => Ok(raw(&json!({}))),
            "open" => self.open(params.address.as_deref()).await,
            "close" => self.close(&params.client).await,
            "publish" => {
                let client = self.open_client(&params.client)?;
                let event = read(params.event, contract::EVENT, INVALID_EVENT)?;
                publish(&client, Kind::Event, &event, "tenant_id").await
            }
            "publish_stream" => {
                let client = self.open_client(&params.client)?;
                let event = read(params.event, contract::STREAM_EVENT, INVALID_EVENT)?;
                publish(&client, Kind::Stream, &event, "workflowExecutionId").await
            }
            "subscribe" => {
                let client = self.open_client(&params.client)?;
                let pattern = read(params.pattern, contract::PATTERN, INVALID_PATTERN)?;
                let tenant = text(&pattern, "tenant_id").to_owned();
                let admits = move |event: &Members| matches(&pattern, event);
                self.attach(client, Kind::Event, &tenant, admits).await
            }
            "subscribe_stream" => {
                let client = self.open_client(&params.client)?;
                let key = params
                    .workflow_execution_id
                    .as_deref()
                    .map_or("null", RawValue::get);
                let key = serde_json::from_str(key)
                    .ok()
                    .filter(contract::is_key)
                    .ok_or_else(|| refusal(INVALID_PATTERN)(format!("{key} is no stream's key")))?;
                let key = key.as_str().unwrap_or_default();
                self.attach(client, Kind::Stream, key, |_| true).await
            }
            "next" => {
                let held = self.subscription(&params.subscription)?;
                let limit = Duration::from_millis(params.timeout_ms);
                Ok(raw(&held.buffer.next(params.max, limit).await))
            }
            "unsubscribe" => self.unsubscribe(&params.subscription).await,
            "cleanup" => {
                self.counting_client(&params.client)?;
                Ok(raw(&json!({"removed": 0})))
            }
            "channels" => {
                let bus = &self.counting_client(&params.client)?.bus;
                let (events, streams) = (bus.channels(Kind::Event), bus.channels(Kind::Stream));
                Ok(raw(&json!({"events": events, "streams": streams})))
            }
            _ => Err(refusal(UNKNOWN_METHOD)(format!(
                "there is no method {method:?}"
            ))),
        }
    }

    /// An open client, where the capabilities claim that channels are counted.
    fn counting_client(&self, name: &str) -> Result<Arc<Client>, Refusal> {
        let client = self.open_client(name)?;
        if about()["capabilities"]["introspection"] == json!(false) {
            let text = "not supported: introspection is not claimed";
            return Err(refusal(UNKNOWN_METHOD)(text.to_owned()));
        }
        Ok(client)
    }

    async fn open(&self, address: Option<&str>) -> Answer {
        let bus = Bus::open(address).await.map_err(refusal(FAULT))?;
        let name = self.name("c");
        let closed = AtomicBool::new(false);
        lock(&self.clients).insert(name.clone(), Arc::new(Client { bus, closed }));
        Ok(raw(&json!({"client": name})))
    }

    async fn close(&self, name: &str) -> Answer {
        let client = self.client(name)?;
        if client.closed.swap(true, Ordering::Relaxed) {
            return Ok(raw(&json!({})));
        }
        let held: Vec<_> = lock(&self.subscriptions)
            .values()
            .filter(|held| Arc::ptr_eq(&held.of, &client))
            .cloned()
            .collect();
        let mut outcome = Ok(());
        for its in held {
            its.buffer.end(false);
            outcome = outcome.and(client.bus.detach(&its.attached).await);
        }
        outcome
            .and(client.bus.disconnect().await)
            .map_err(refusal(FAULT))?;
        Ok(raw(&json!({})))
    }

    async fn attach(
        &self,
        client: Arc<Client>,
        kind: Kind,
        key: &str,
        admits: impl Fn(&Members) -> bool + Send + Sync + 'static,
    ) -> Answer {
        let buffer = Arc::new(Buffer::new(kind.capacity()));
        let into = Arc::clone(&buffer);
        let sink: Sink = Arc::new(move |body| {
            if serde_json::from_slice(body).is_ok_and(|event| admits(&event))
                && let Ok(event) = serde_json::from_slice(body)
            {
                into.put(event);
            }
        });
        let attached = client
            .bus
            .attach(kind, key, sink)
            .await
            .map_err(refusal(SUBSCRIBE_FAILED))?;
        if client.closed.load(Ordering::Relaxed) {
            client.bus.detach(&attached).await.map_err(refusal(FAULT))?;
            return Err(refusal(CLOSED)("the client was closed".to_owned()));
        }
        let name = self.name("s");
        let held = Arc::new(Subscription {
            of: client,
            attached,
            buffer,
        });
        lock(&self.subscriptions).insert(name.clone(), held);
        Ok(raw(&json!({"subscription": name})))
    }

    async fn unsubscribe(&self, name: &str) -> Answer {
        let held = self.subscription(name)?;
        lock(&self.subscriptions).remove(name);
        held.buffer.end(true);
        if !held.of.closed.load(Ordering::Relaxed) {
            held.of
                .bus
                .detach(&held.attached)
                .await
                .map_err(refusal(FAULT))?;
        }
        Ok(raw(&json!({})))
    }

    fn client(&self, name: &str) -> Result<Arc<Client>, Refusal> {
        let found = lock(&self.clients).get(name).cloned();
        found.ok_or_else(|| refusal(UNKNOWN_NAME)(format!("there is no client {name:?}")))
    }

    fn open_client(&self, name: &str) -> Result<Arc<Client>, Refusal> {
        let client = self.client(name)?;
        if client.closed.load(Ordering::Relaxed) {
            return Err(refusal(CLOSED)(format!("{name} was closed")));
        }
        Ok(client)
    }

    fn subscription(&self, name: &str) -> Result<Arc<Subscription>, Refusal> {
        let found = lock(&self.subscriptions).get(name).cloned();
        found.ok_or_else(|| refusal(UNKNOWN_NAME)(format!("there is no subscription {name:?}")))
    }

    fn name(&self, letter: &str) -> String {
        format!("{letter}{}", self.names.fetch_add(1, Ordering::Relaxed))
    }
}

async fn publish(client: &Client, kind: Kind, event: &Members, key: &str) -> Answer {
    let body = raw(event);
    let sent = client
        .bus
        .send(kind, text(event, key), body.get().as_bytes())
        .await;
    sent.map_err(refusal(PUBLISH_FAILED))?;
    Ok(raw(&json!({})))
}

fn read(given: Option<Box<RawValue>>, form: contract::Form, code: i32) -> Result<Members, Refusal> {
    checked(given.as_deref().map_or("null", RawValue::get), form).map_err(refusal(code))
}

fn text<'a>(members: &'a Members, name: &str) -> &'a str {
    members[name].as_str().unwrap_or_default()
}

/// The JSON form of what cannot but have one.
fn raw<T: Serialize>(value: &T) -> Box<RawValue> {
    to_raw_value(value).expect("what this program holds has a JSON form")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers requests until `shutdown` or the end of the input.
pub async fn serve() -> io::Result<()> {
    let driver = Arc::new(Driver::default());
    let mut lines = read_lines();
    while let Some(line) = lines.recv().await {
        let request: Request = serde_json::from_str(&line)?;
        if request.method == "shutdown" {
            return write(request.id, driver.call("shutdown", request.params).await);
        }
        let driver = Arc::clone(&driver);
        tokio::spawn(async move {
            let answer = driver.call(&request.method, request.params).await;
            // Where nobody reads any more, the end of the input follows.
            write(request.id, answer).ok();
        });
    }
    Ok(())
}

/// A thread of its own: what waits for a line must not hold up the exit.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(LINES_READ_AHEAD);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

fn write(id: u64, answer: Answer) -> io::Result<()> {
    let mut line = match answer {
        Ok(result) => serde_json::to_string(&Success {
            jsonrpc: "2.0",
            id,
            result,
        })?,
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string(),
    };
    line.push('\n');
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.flush()
}

#[derive(Serialize)]
struct Success {
    jsonrpc: &'static str,
    id: u64,
    result: Box<RawValue>,
}
