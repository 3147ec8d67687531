/**
 * A driver over Redis pub/sub with ioredis.
 *
 * Each client is a connection to publish and one for each subscription, to the server at `REDIS_URL`, or at the
 * address that it is given.
 */

import { on, once } from "node:events";
import { createRequire } from "node:module";
import { Redis } from "ioredis";
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

const EVENTS = "events:";
const STREAMS = "streams:";
// Bytes that are no text are no event, and not one with U+FFFD in it.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

interface Held {
  readonly channel: string;
  readonly connection: Redis;
  readonly messages: AsyncIterator<unknown>;
}

class RedisClient implements Client {
  readonly #publishing: Redis;
  readonly #held = new Set<Held>();

  constructor(publishing: Redis) {
    this.#publishing = publishing;
  }

  async publish(event: FlovynEvent): Promise<void> {
    await this.#publishing.publish(EVENTS + event.tenant_id, writeJson(event));
  }

  async publishStream(event: StreamEvent): Promise<void> {
    await this.#publishing.publish(STREAMS + event.workflowExecutionId, writeJson(event));
  }

  async subscribe(pattern: EventPattern): Promise<Feed<FlovynEvent>> {
    return this.#feed(EVENTS + pattern.tenant_id, (body) => {
      const event = readBody(body, readEvent);
      return event !== undefined && matches(pattern, event) ? event : undefined;
    });
  }

  async subscribeStream(key: string): Promise<Feed<StreamEvent>> {
    return this.#feed(STREAMS + key, (body) => {
      const event = readBody(body, readStreamEvent);
      return event?.workflowExecutionId === key ? event : undefined;
    });
  }

  channels() {
    const channels = [...new Set([...this.#held].map((held) => held.channel))];
    const count = (root: string) => channels.filter((its) => its.startsWith(root)).length;
    return { events: count(EVENTS), streams: count(STREAMS) };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#held].map((held) => this.#end(held)));
    await this.#publishing.quit();
  }

  async #feed<E>(channel: string, read: (body: Buffer) => E | undefined): Promise<Feed<E>> {
    // On a connection that others share, a newcomer would be handed what was on its way to them.
    const connection = await connected(this.#publishing.duplicate());
    // Before it subscribes: the first message may be read together with the confirmation.
    const messages = on(connection, "messageBuffer");
    const held = { channel, connection, messages };
    this.#held.add(held);
    try {
      await connection.subscribe(channel);
    } catch (error) {
      await this.#end(held);
      throw error;
    }
    return {
      events: select(messages as AsyncIterable<[Buffer, Buffer]>, ([, body]) => read(body)),
      leave: () => this.#end(held),
    };
  }

  async #end(held: Held): Promise<void> {
    if (!this.#held.delete(held)) {
      return;
    }
    try {
      // Answered after all that was sent before: it is in the buffer then, and can still be read.
      await held.connection.quit();
    } finally {
      await held.messages.return?.();
    }
  }
}

/** The event of a message; none if its body is something else, as anyone may publish anything. */
function readBody<E>(body: Buffer, read: (value: unknown) => E): E | undefined {
  try {
    return read(parseJson(utf8.decode(body)));
  } catch {
    return undefined;
  }
}

/** Waits until the server has answered; ioredis would otherwise try again for ever. */
async function connected(connection: Redis): Promise<Redis> {
  if (connection.status !== "ready") {
    await once(connection, "ready");
  }
  return connection;
}

const { version } = createRequire(import.meta.url)("ioredis/package.json");

await serve({
  name: "ioredis",
  version,
  capabilities: {
    in_process: false,
    overflow: "unbounded",
    total_order: true,
    causal_order: true,
    max_subscriptions: 400,
  },
  dropped: null,
  open: async (address) => {
    const url = address ?? process.env.REDIS_URL ?? "redis://127.0.0.1:6379";
    // ioredis takes a socket by its path.
    const connection = new Redis(url.replace(/^unix:\/\//, ""));
    try {
      return new RedisClient(await connected(connection));
    } catch (error) {
      connection.disconnect();
      throw new Error(`cannot connect to ${url}: ${messageOf(error)}`);
    }
  },
});
