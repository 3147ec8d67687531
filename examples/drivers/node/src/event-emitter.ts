/**
 * A driver over one `EventEmitter`, read with `events.on`.
 *
 * The emitter is the bus: all clients share it, and each key is an event name of it.
 */

import { EventEmitter, on } from "node:events";
import { type Client, type Feed, select } from "./bus.js";
import { type EventPattern, type FlovynEvent, matches, type StreamEvent } from "./contract.js";
import { serve } from "./serve.js";

// The prefixes keep tenants and keys apart, and both from the names that an emitter uses itself: a
// stream called `error` would throw where nobody listens, one called `newListener` would babble.
const EVENTS = "events:";
const STREAMS = "streams:";

const emitter = new EventEmitter();
// The default warns of a leak at the eleventh subscriber.
emitter.setMaxListeners(0);

class EmitterClient implements Client {
  readonly #iterators = new Set<AsyncIterator<unknown>>();

  async publish(event: FlovynEvent): Promise<void> {
    emitter.emit(EVENTS + event.tenant_id, event);
  }

  async publishStream(event: StreamEvent): Promise<void> {
    emitter.emit(STREAMS + event.workflowExecutionId, event);
  }

  async subscribe(pattern: EventPattern): Promise<Feed<FlovynEvent>> {
    return this.#feed(EVENTS + pattern.tenant_id, ([event]: [FlovynEvent]) =>
      matches(pattern, event) ? event : undefined,
    );
  }

  async subscribeStream(key: string): Promise<Feed<StreamEvent>> {
    return this.#feed(STREAMS + key, ([event]: [StreamEvent]) => event);
  }

  channels() {
    const names = emitter.eventNames().map(String);
    return {
      events: names.filter((name) => name.startsWith(EVENTS)).length,
      streams: names.filter((name) => name.startsWith(STREAMS)).length,
    };
  }

  async close(): Promise<void> {
    for (const iterator of this.#iterators) {
      await iterator.return?.();
    }
    this.#iterators.clear();
  }

  #feed<E>(name: string, read: (args: [E]) => E | undefined): Feed<E> {
    // Listens from here on, and buffers without a bound: an emitter has nothing to pause.
    const iterator = on(emitter, name);
    this.#iterators.add(iterator);
    return {
      events: select(iterator as AsyncIterable<[E]>, read),
      leave: async () => {
        this.#iterators.delete(iterator);
        await iterator.return?.();
      },
    };
  }
}

await serve({
  name: "node-eventemitter",
  version: process.versions.node,
  capabilities: {
    in_process: false,
    overflow: "unbounded",
    total_order: true,
    causal_order: true,
    max_event_bytes: 1024 * 1024,
  },
  dropped: 0,
  open: async () => new EmitterClient(),
});
