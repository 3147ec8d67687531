//! Lines of JSON-RPC on standard input and output.

use std::future::poll_fn;
use std::io::{self, BufRead};
use std::sync::Arc;
use std::task::Poll;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::task::coop::unconstrained;

use crate::Refusal;
use crate::bus::Bus;
use crate::driver::Driver;

const LINES_READ_AHEAD: usize = 64;

#[derive(Deserialize)]
struct Request<'a> {
    id: u64,
    method: String,
    #[serde(borrow)]
    params: &'a RawValue,
}

#[derive(Serialize)]
struct Response {
    jsonrpc: &'static str,
    id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

#[derive(Serialize)]
struct Problem {
    code: i32,
    message: String,
}

/// What became of a line.
struct Answered {
    line: Vec<u8>,
    last: bool,
}

/// Serves the bus until `shutdown`, or the end of the input.
///
/// # Errors
/// Standard output cannot be written to.
///
/// # Panics
/// The thread that reads standard input cannot be started.
pub async fn serve<B: Bus>(bus: B) -> io::Result<()> {
    let driver = Arc::new(Driver::new(bus));
    let mut lines = read_lines();
    let (answers, to_write) = mpsc::unbounded_channel();
    let writer = tokio::spawn(write_lines(to_write));
    let mut waiting = JoinSet::new();
    while let Some(line) = lines.recv().await {
        let driver = Arc::clone(&driver);
        // Begun here, in the order of the lines; unconstrained, lest a spent budget puts one off.
        let mut answering = Box::pin(unconstrained(async move { answer(&driver, &line).await }));
        let begun = poll_fn(|context| Poll::Ready(answering.as_mut().poll(context))).await;
        if let Poll::Ready(answered) = begun {
            let last = answered.last;
            answers.send(answered.line).ok();
            if last {
                break;
            }
        } else {
            let answers = answers.clone();
            waiting.spawn(async move { answers.send(answering.await.line).ok() });
        }
        while waiting.try_join_next().is_some() {}
    }
    waiting.shutdown().await;
    drop(answers);
    writer.await?
}

/// A thread of its own: tokio's standard input would hold up the exit until one more line comes.
fn read_lines() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(LINES_READ_AHEAD);
    std::thread::spawn(move || {
        for line in io::stdin().lock().split(b'\n') {
            let Ok(line) = line else { break };
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

async fn write_lines(mut lines: mpsc::UnboundedReceiver<Vec<u8>>) -> io::Result<()> {
    let mut stdout = tokio::io::stdout();
    while let Some(line) = lines.recv().await {
        stdout.write_all(&line).await?;
        stdout.flush().await?;
    }
    Ok(())
}

async fn answer<B: Bus>(driver: &Driver<B>, line: &[u8]) -> Answered {
    let (id, last, outcome) = match serde_json::from_slice::<Request>(line) {
        Ok(request) => {
            let outcome = driver.call(&request.method, request.params).await;
            (Some(request.id), request.method == "shutdown", outcome)
        }
        Err(error) => (
            None,
            false,
            Err(Refusal::Params(format!("this is no request: {error}"))),
        ),
    };
    let (result, error) = match outcome {
        Ok(result) => (Some(result), None),
        Err(refusal) => {
            let code = refusal.code();
            let message = refusal.to_string();
            (None, Some(Problem { code, message }))
        }
    };
    let jsonrpc = "2.0";
    let response = Response {
        jsonrpc,
        id,
        result,
        error,
    };
    let mut line = serde_json::to_vec(&response).expect("an answer has a JSON form");
    line.push(b'\n');
    Answered { line, last }
}
