// my-bus, a bus with a history, as a driver of the conformance suite, with nothing but Node's own modules.
//
//     eventhook-conformance driver-check node my_bus_driver.mjs
//     eventhook-conformance run "driver:node my_bus_driver.mjs"
//
// `Bus` is what you replace: four functions over your own client library. Here it is a Map of logs.
// The rest, in protocol.mjs, stays as it is.

import { Refusal, serve } from "./protocol.mjs";

const KEPT = 1024;
const ABOUT = {
  protocol: 2,
  name: "my-bus",
  version: "1.0",
  language: "JavaScript",
  capabilities: {
    profiles: ["events", "streams", "replay"],
    replay: ["events", "streams"],
    replay_events: KEPT,
    total_order: true,
    causal_order: true,
  },
};

/** The newest messages of one tenant or key, numbered from 1, and who hears it. */
class Log {
  messages = [];
  newest = 0;
  sinks = new Set();

  append(body) {
    this.newest += 1;
    const cursor = String(this.newest);
    this.messages.push({ body, cursor });
    if (this.messages.length > KEPT) this.messages.shift();
    for (const sink of [...this.sinks]) sink(body, cursor);
  }

  /** What is kept of what came after `since`: "live", "start", or a cursor. */
  since(since) {
    if (since === "live") return [];
    if (since === "start") return [...this.messages];
    const after = Number(since.cursor);
    if (String(after) !== since.cursor || !(after >= 1 && after <= this.newest)) {
      throw new Refusal(-32007, `${JSON.stringify(since.cursor)} is no cursor of this key`);
    }
    const oldest = this.newest - this.messages.length;
    if (after < oldest) throw new Refusal(-32008, "the history no longer reaches back to it");
    return this.messages.slice(after - oldest);
  }
}

/** Stands for your server: what all clients share. */
const logs = new Map();

function logOf(kind, key) {
  const channel = `${kind} ${key}`;
  if (!logs.has(channel)) logs.set(channel, new Log());
  return logs.get(channel);
}

/** One client of the bus. */
class Bus {
  /** Returns when the bus has the message in its history. */
  async send(kind, key, body) {
    logOf(kind, key).append(body);
  }

  /** Hands over what is kept since then, and has `sink` called for what comes, with no gap between. */
  async attach(kind, key, sink, since) {
    const log = logOf(kind, key);
    const past = log.since(since);
    log.sinks.add(sink);
    return past;
  }

  async detach(kind, key, sink) {
    logOf(kind, key).sinks.delete(sink);
  }

  async disconnect() {}

  channels() {
    const heard = [...logs].filter(([, log]) => log.sinks.size > 0);
    const count = (kind) => heard.filter(([channel]) => channel.startsWith(`${kind} `)).length;
    return { events: count("event"), streams: count("stream") };
  }
}

serve(Bus, ABOUT);
