//! What a subscription has not read yet.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::time::timeout;

/// A line has at most 4 MiB; this leaves room for what stands around the events.
const MAX_BATCH: usize = 4 * 1024 * 1024 - 1024;

/// A bounded buffer that drops the oldest.
pub struct Buffer {
    capacity: usize,
    held: Mutex<Held>,
    changed: Notify,
}

#[derive(Default)]
struct Held {
    events: VecDeque<Box<RawValue>>,
    dropped: u64,
    ended: bool,
}

/// The answer to `next`.
#[derive(Serialize)]
pub struct Batch {
    events: Vec<Box<RawValue>>,
    ended: bool,
    dropped: u64,
}

impl Buffer {
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            held: Mutex::default(),
            changed: Notify::new(),
        }
    }

    pub fn put(&self, event: Box<RawValue>) {
        let mut held = self.held();
        if held.ended {
            return;
        }
        if held.events.len() == self.capacity {
            held.events.pop_front();
            held.dropped += 1;
        }
        held.events.push_back(event);
        self.changed.notify_one();
    }

    /// Nothing comes any more; what is there stays, unless it is discarded.
    pub fn end(&self, discard: bool) {
        let mut held = self.held();
        if discard {
            held.events.clear();
        }
        held.ended = true;
        self.changed.notify_one();
    }

    /// Waits for one event, then takes what is there.
    pub async fn next(&self, most: usize, limit: Duration) -> Batch {
        let arrival = async {
            loop {
                let batch = self.take(most);
                if batch.ended || !batch.events.is_empty() {
                    return batch;
                }
                self.changed.notified().await;
            }
        };
        match timeout(limit, arrival).await {
            Ok(batch) => batch,
            Err(_) => self.take(most),
        }
    }

    fn take(&self, most: usize) -> Batch {
        let mut held = self.held();
        let mut events = Vec::new();
        let mut size = 0;
        while events.len() < most {
            let Some(first) = held.events.front() else {
                break;
            };
            size += first.get().len() + 1;
            if size > MAX_BATCH && !events.is_empty() {
                break;
            }
            events.extend(held.events.pop_front());
        }
        Batch {
            ended: held.ended && events.is_empty(),
            events,
            dropped: held.dropped,
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
