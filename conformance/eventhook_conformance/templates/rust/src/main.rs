//! my-bus as a driver of the conformance suite.
//!
//!     cargo build --release
//!     eventhook-conformance driver-check target/release/my_bus_driver
//!     eventhook-conformance run driver:target/release/my_bus_driver
//!
//! `Bus` is what you replace: a few functions over your own client library. Here it is a map of callbacks.
//! `protocol` speaks with the suite; `buffer` and `contract` are what a bare client library does not do: a
//! bounded buffer for each subscription, validation, filters.

mod buffer;
mod contract;
mod protocol;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

fn about() -> Value {
    json!({
        "protocol": 1,
        "name": "my-bus",
        "version": env!("CARGO_PKG_VERSION"),
        "language": "Rust",
        "capabilities": {"total_order": true, "causal_order": true},
    })
}

/// The two sides of the bus.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Event,
    Stream,
}

impl Kind {
    /// How many unread events a subscription keeps, as the capabilities claim it.
    const fn capacity(self) -> usize {
        match self {
            Self::Event => 1024,
            Self::Stream => 256,
        }
    }
}

/// Takes each message. It never waits, and may be called on any thread.
type Sink = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// A channel for messages: a tenant's events, or the stream of a key.
type Channel = (Kind, String);

type Sinks = HashMap<Channel, Vec<(u64, Sink)>>;

/// Stands for your server: what all clients share.
static SINKS: LazyLock<Mutex<Sinks>> = LazyLock::new(Mutex::default);
static ATTACHED: AtomicU64 = AtomicU64::new(0);

/// One client of the bus. Many calls of its functions are under way at once, and each may wait; what
/// blocks the thread belongs into `tokio::task::spawn_blocking`.
struct Bus;

/// A sink that is attached.
struct Attached {
    channel: Channel,
    id: u64,
}

impl Bus {
    /// Opens one more client, at the address or, if there is none, at the usual place.
    async fn open(_address: Option<&str>) -> Result<Self, String> {
        Ok(Self)
    }

    /// Returns once the bus has the message.
    async fn send(&self, kind: Kind, key: &str, body: &[u8]) -> Result<(), String> {
        for (_, sink) in sinks().get(&(kind, key.to_owned())).into_iter().flatten() {
            sink(body);
        }
        Ok(())
    }

    /// Returns once the sink gets each message.
    async fn attach(&self, kind: Kind, key: &str, sink: Sink) -> Result<Attached, String> {
        let channel = (kind, key.to_owned());
        let id = ATTACHED.fetch_add(1, Ordering::Relaxed);
        sinks().entry(channel.clone()).or_default().push((id, sink));
        Ok(Attached { channel, id })
    }

    async fn detach(&self, attached: &Attached) -> Result<(), String> {
        let mut sinks = sinks();
        if let Some(its) = sinks.get_mut(&attached.channel) {
            its.retain(|(id, _)| *id != attached.id);
            if its.is_empty() {
                sinks.remove(&attached.channel);
            }
        }
        Ok(())
    }

    /// Closes this client alone; all that it attached is detached by then.
    async fn disconnect(&self) -> Result<(), String> {
        Ok(())
    }

    /// How many channels the bus keeps.
    fn channels(&self, kind: Kind) -> usize {
        sinks().keys().filter(|(its, _)| *its == kind).count()
    }
}

fn sinks() -> MutexGuard<'static, Sinks> {
    SINKS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn main() -> io::Result<()> {
    // One thread: requests begin in the order in which they come, and finish in any.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    runtime.block_on(protocol::serve())
}
