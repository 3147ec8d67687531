/**
 * A driver over core NATS with its official client, read by its async iterators.
 *
 * Each client is a connection of its own to `NATS_URL`, or to the address that it is given.
 */

import { createRequire } from "node:module";
import {
  connect,
  deadline,
  type Msg,
  type NatsConnection,
  type Subscription,
} from "@nats-io/transport-node";
import { type Client, type Feed, select } from "./bus.js";
import {
  type EventPattern,
  type FlovynEvent,
  matches,
  readEvent,
  readStreamEvent,
  type StreamEvent,
} from "./contract.js";
import { messageOf } from "./errors.js";
import { parseJson, writeJson } from "./json.js";
import { serve } from "./serve.js";
import { EVENTS, eventSubject, patternSubject, STREAMS, streamSubject } from "./subjects.js";

const WAIT_MS = 5000;
// A message's own `string()` would make U+FFFD of bytes that are no text.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class NatsClient implements Client {
  readonly #connection: NatsConnection;
  readonly #subscriptions = new Set<Subscription>();

  constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  async publish(event: FlovynEvent): Promise<void> {
    await this.#send(eventSubject(event), event);
  }

  async publishStream(event: StreamEvent): Promise<void> {
    await this.#send(streamSubject(event.workflowExecutionId), event);
  }

  async subscribe(pattern: EventPattern): Promise<Feed<FlovynEvent>> {
    return this.#feed(patternSubject(pattern), (message) => {
      const event = readBody(message, readEvent);
      const belongs = event !== undefined && message.subject === eventSubject(event);
      return belongs && matches(pattern, event) ? event : undefined;
    });
  }

  async subscribeStream(key: string): Promise<Feed<StreamEvent>> {
    return this.#feed(streamSubject(key), (message) => {
      const event = readBody(message, readStreamEvent);
      return event?.workflowExecutionId === key ? event : undefined;
    });
  }

  channels() {
    const subjects = new Set([...this.#subscriptions].map((held) => held.getSubject()));
    const count = (root: string) => [...subjects].filter((its) => its.startsWith(root)).length;
    return { events: count(EVENTS), streams: count(STREAMS) };
  }

  async close(): Promise<void> {
    this.#subscriptions.clear();
    try {
      // What the server has sent is still read; `close` would cut it off.
      await deadline(this.#connection.drain(), WAIT_MS);
    } finally {
      await this.#connection.close();
    }
  }

  async #send(subject: string, event: object): Promise<void> {
    this.#connection.publish(subject, writeJson(event));
    await this.#barrier();
  }

  async #feed<E>(subject: string, read: (message: Msg) => E | undefined): Promise<Feed<E>> {
    const subscription = this.#connection.subscribe(subject);
    try {
      await this.#barrier();
    } catch (error) {
      subscription.unsubscribe();
      throw error;
    }
    if (subscription.isClosed()) {
      throw (await subscription.closed) ?? new Error(`the server refused ${subject}`);
    }
    this.#subscriptions.add(subscription);
    return {
      events: select(subscription, read),
      leave: async () => {
        this.#subscriptions.delete(subscription);
        if (!this.#connection.isClosed() && !this.#connection.isDraining()) {
          subscription.unsubscribe();
          await this.#barrier();
        }
      },
    };
  }

  /** Resolves once the server has taken all that was written: the client's PING queues behind it. */
  async #barrier(): Promise<void> {
    await deadline(this.#connection.flush(), WAIT_MS);
  }
}

/** The event of a message; none if its body is something else, as anyone may publish anything. */
function readBody<E>(message: Msg, read: (value: unknown) => E): E | undefined {
  try {
    return read(parseJson(utf8.decode(message.data)));
  } catch {
    return undefined;
  }
}

const { version } = createRequire(import.meta.url)("@nats-io/transport-node/package.json");

await serve({
  name: "node-nats",
  version,
  capabilities: {
    in_process: false,
    overflow: "unbounded",
    causal_order: true,
  },
  dropped: null,
  open: async (address) => {
    const servers = address ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222";
    try {
      return new NatsClient(await connect({ servers }));
    } catch (error) {
      throw new Error(`cannot connect to ${servers}: ${messageOf(error)}`);
    }
  },
});
