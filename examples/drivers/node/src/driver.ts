/** The methods of the driver protocol over any bus. */

import { z } from "zod";
import type { Client, Feed } from "./bus.js";
import { readEvent, readKey, readPattern, readStreamEvent } from "./contract.js";
import { code, messageOf, Refusal } from "./errors.js";
import { Reader } from "./reader.js";

export interface Bus {
  readonly name: string;
  readonly version: string;
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** How many events a subscription lost to overflow; null where the library does not tell. */
  readonly dropped: 0 | null;
  open(address: string | null): Promise<Client>;
}

interface Held {
  readonly client: Client;
  closing?: Promise<void>;
}

interface Subscription {
  readonly reader: Reader;
  readonly held: Held;
}

type Method = (params: unknown) => Promise<object>;

const withClient = z.object({ client: z.string() });
const withEvent = withClient.extend({ event: z.unknown() });
const withSubscription = z.object({ subscription: z.string() });

export class Driver {
  readonly #bus: Bus;
  readonly #clients = new Map<string, Held>();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #methods: ReadonlyMap<string, Method>;
  #clientCount = 0;
  #subscriptionCount = 0;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#methods = new Map([
      ["initialize", method(z.object({}), () => this.#initialize())],
      ["open", method(z.object({ address: z.string().nullish() }), (p) => this.#open(p.address))],
      ["close", method(withClient, (p) => this.#close(p.client))],
      ["publish", method(withEvent, (p) => this.#publish(p.client, p.event))],
      ["publish_stream", method(withEvent, (p) => this.#publishStream(p.client, p.event))],
      [
        "subscribe",
        method(withClient.extend({ pattern: z.unknown() }), (p) =>
          this.#subscribe(p.client, p.pattern),
        ),
      ],
      [
        "subscribe_stream",
        method(withClient.extend({ workflow_execution_id: z.unknown() }), (p) =>
          this.#subscribeStream(p.client, p.workflow_execution_id),
        ),
      ],
      [
        "next",
        method(
          withSubscription.extend({ max: z.int().positive(), timeout_ms: z.int().nonnegative() }),
          (p) => this.#next(p.subscription, p.max, p.timeout_ms),
        ),
      ],
      ["unsubscribe", method(withSubscription, (p) => this.#unsubscribe(p.subscription))],
      ["cleanup", method(withClient, (p) => this.#cleanup(p.client))],
      ["channels", method(withClient, (p) => this.#channels(p.client))],
      ["shutdown", method(z.object({}), () => this.shutdown())],
    ]);
  }

  /** Begins a request at once, up to where it has to wait. */
  async call(name: string, params: unknown): Promise<object> {
    const found = this.#methods.get(name);
    if (found === undefined) {
      throw new Refusal(code.unknownMethod, `there is no method ${JSON.stringify(name)}`);
    }
    return found(params);
  }

  /** Closes every client, whether that works or not. */
  async shutdown(): Promise<object> {
    await Promise.allSettled([...this.#clients.keys()].map((name) => this.#close(name)));
    return {};
  }

  async #initialize(): Promise<object> {
    const { name, version, capabilities } = this.#bus;
    return { protocol: 1, name, version, language: "TypeScript", capabilities };
  }

  async #open(address: string | null | undefined): Promise<object> {
    const client = await this.#bus.open(address ?? null);
    const name = `c${++this.#clientCount}`;
    this.#clients.set(name, { client });
    return { client: name };
  }

  async #close(name: string): Promise<object> {
    const held = this.#find(this.#clients, name);
    held.closing ??= held.client.close();
    await held.closing;
    return {};
  }

  async #publish(name: string, event: unknown): Promise<object> {
    const { client } = this.#findOpen(name);
    await orRefuse(client.publish(readEvent(event)), code.publishFailed);
    return {};
  }

  async #publishStream(name: string, event: unknown): Promise<object> {
    const { client } = this.#findOpen(name);
    await orRefuse(client.publishStream(readStreamEvent(event)), code.publishFailed);
    return {};
  }

  async #subscribe(name: string, pattern: unknown): Promise<object> {
    const held = this.#findOpen(name);
    return this.#hold(name, held, held.client.subscribe(readPattern(pattern)));
  }

  async #subscribeStream(name: string, key: unknown): Promise<object> {
    const held = this.#findOpen(name);
    return this.#hold(name, held, held.client.subscribeStream(readKey(key)));
  }

  async #hold(name: string, held: Held, subscribing: Promise<Feed<object>>): Promise<object> {
    const reader = new Reader(await orRefuse(subscribing, code.subscribeFailed));
    if (held.closing !== undefined) {
      await reader.leave();
      throw closed(name);
    }
    const subscription = `s${++this.#subscriptionCount}`;
    this.#subscriptions.set(subscription, { reader, held });
    return { subscription };
  }

  async #next(name: string, max: number, timeoutMs: number): Promise<object> {
    const { reader, held } = this.#find(this.#subscriptions, name);
    const batch = await orRefuse(reader.next(max, timeoutMs), code.lost);
    if (batch.ended && !reader.left && held.closing === undefined) {
      throw new Refusal(code.lost, `${name} ended, and nobody had asked for it`);
    }
    return { ...batch, dropped: this.#bus.dropped };
  }

  async #unsubscribe(name: string): Promise<object> {
    const { reader } = this.#find(this.#subscriptions, name);
    this.#subscriptions.delete(name);
    await reader.leave();
    return {};
  }

  async #cleanup(name: string): Promise<object> {
    this.#findOpen(name);
    return { removed: 0 };
  }

  async #channels(name: string): Promise<object> {
    return this.#findOpen(name).client.channels();
  }

  #find<T>(held: ReadonlyMap<string, T>, name: string): T {
    const found = held.get(name);
    if (found === undefined) {
      throw new Refusal(code.unknownName, `there is no ${JSON.stringify(name)}`);
    }
    return found;
  }

  #findOpen(name: string): Held {
    const held = this.#find(this.#clients, name);
    if (held.closing !== undefined) {
      throw closed(name);
    }
    return held;
  }
}

function closed(client: string): Refusal {
  return new Refusal(code.closed, `${client} was closed`);
}

function method<T>(schema: z.ZodType<T>, run: (params: T) => Promise<object>): Method {
  return async (params) => {
    const read = schema.safeParse(params);
    if (!read.success) {
      throw new Refusal(code.unknownName, `these are not the parameters: ${read.error.message}`);
    }
    return run(read.data);
  };
}

async function orRefuse<T>(work: Promise<T>, refusal: Refusal["code"]): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(refusal, messageOf(error));
  }
}
