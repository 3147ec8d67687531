//! Reading a subscription in batches that fit into a line.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::Refusal;
use crate::bus::Feed;

const MAX_LINE: usize = 4 * 1024 * 1024;
/// Room for what stands around events in a line, and for members that an event did not write out.
const ENVELOPE: usize = 1024;

/// What `next` answers.
#[derive(Serialize)]
pub struct Batch {
    events: Vec<Box<RawValue>>,
    ended: bool,
    dropped: Option<u64>,
}

/// A subscription's feed, and what was taken from it too early.
pub struct Reader<F> {
    pub feed: F,
    /// Read, but there was no more room for it in the line.
    kept: Option<Box<RawValue>>,
}

impl<F: Feed> Reader<F> {
    pub fn new(feed: F) -> Self {
        Self { feed, kept: None }
    }

    pub async fn recv(&mut self) -> Option<Box<RawValue>> {
        match self.kept.take() {
            Some(kept) => Some(kept),
            None => self.feed.recv().await.map(|delivery| raw(&delivery)),
        }
    }

    /// What else is there, up to `max` in all, as far as a line has room.
    pub fn fill(&mut self, first: Box<RawValue>, max: usize) -> Vec<Box<RawValue>> {
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

    pub fn batch(&self, events: Vec<Box<RawValue>>, ended: bool) -> Batch {
        Batch {
            events,
            ended,
            dropped: self.feed.dropped(),
        }
    }
}

/// The event's text, if it can come back in one line.
pub fn sized(event: &RawValue) -> Result<&[u8], Refusal> {
    let size = event.get().len();
    if size > MAX_LINE - 2 * ENVELOPE {
        let message = format!("the event has {size} bytes; no line of an answer has room for it");
        return Err(Refusal::Publish(message));
    }
    Ok(event.get().as_bytes())
}

/// The JSON form of what cannot but have one.
pub fn raw<T: Serialize>(value: &T) -> Box<RawValue> {
    to_raw_value(value).expect("what this program holds has a JSON form")
}
