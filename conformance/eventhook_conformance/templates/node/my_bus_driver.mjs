// my-bus as a driver of the conformance suite, with nothing but Node's own modules.
//
//     eventhook-conformance driver-check node my_bus_driver.mjs
//     eventhook-conformance run "driver:node my_bus_driver.mjs"
//
// `Bus` is what you replace: four functions over your own client library. Here it is a Map of callbacks.
// The rest, in protocol.mjs, stays as it is.

import { serve } from "./protocol.mjs";

const ABOUT = {
  protocol: 1,
  name: "my-bus",
  version: "1.0",
  language: "JavaScript",
  capabilities: { total_order: true, causal_order: true },
};

/** Stands for your server: what all clients share. */
const sinks = new Map();

/** One client of the bus. */
class Bus {
  async send(kind, key, body) {
    for (const sink of [...(sinks.get(`${kind} ${key}`) ?? [])]) sink(body);
  }

  async attach(kind, key, sink) {
    const channel = `${kind} ${key}`;
    if (!sinks.has(channel)) sinks.set(channel, new Set());
    sinks.get(channel).add(sink);
  }

  async detach(kind, key, sink) {
    const channel = `${kind} ${key}`;
    sinks.get(channel)?.delete(sink);
    if (sinks.get(channel)?.size === 0) sinks.delete(channel);
  }

  async disconnect() {}

  channels() {
    const kinds = [...sinks.keys()].map((channel) => channel.split(" ")[0]);
    const count = (kind) => kinds.filter((one) => one === kind).length;
    return { events: count("event"), streams: count("stream") };
  }
}

serve(Bus, ABOUT);
