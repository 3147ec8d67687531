// The driver protocol, and what a bare client library does not do: validation, filters, a bounded buffer
// for each subscription. Nothing in here knows your bus.

import { createInterface } from "node:readline";

/** Your bus, and what the driver says of itself; set by `serve`. */
let Bus, about;

/** How much a subscription of that kind holds, unless the capabilities claim another number. */
const capacity = (kind) =>
  kind === "event"
    ? about.capabilities.event_capacity ?? 1024
    : about.capabilities.stream_capacity ?? 256;

/** What the protocol answers in place of a result; your bus may throw one too. */
export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** What is left of a history, if the bus has one, then a bounded buffer that drops the oldest. */
class Subscription {
  past = [];
  events = [];
  dropped = 0;
  ended = false;
  changed = () => {};

  constructor(client, kind, key, admits) {
    Object.assign(this, { client, kind, key, admits });
  }

  replay(messages) {
    const read = messages.map(({ body, cursor }) => ({ event: JSON.parse(body), cursor }));
    this.past = read.filter(({ event }) => this.admits(event));
  }

  sink = (body, cursor) => {
    const event = JSON.parse(body);
    if (this.ended || !this.admits(event)) return;
    if (this.events.length === capacity(this.kind)) {
      this.events.shift();
      this.dropped += 1;
    }
    this.events.push({ event, cursor });
    this.changed();
  };

  end({ discard = false } = {}) {
    if (discard) this.past.length = this.events.length = 0;
    this.ended = true;
    this.changed();
  }

  async next(most, timeoutMs) {
    if (this.past.length + this.events.length === 0 && !this.ended) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const taken = this.past.splice(0, most);
    taken.push(...this.events.splice(0, most - taken.length));
    return {
      events: taken.map(({ event }) => event),
      ...(about.protocol > 1 && { cursors: taken.map(({ cursor }) => cursor) }),
      ended: this.ended && taken.length === 0,
      dropped: this.dropped,
    };
  }
}

const clients = new Map();
const closed = new Set();
const subscriptions = new Map();
const names = { c: 0, s: 0 };

function find(held, name) {
  if (!held.has(name)) throw new Refusal(-32602, `there is no ${JSON.stringify(name)}`);
  return held.get(name);
}

function openBus(client) {
  const bus = find(clients, client);
  if (closed.has(client)) throw new Refusal(-32004, `${client} was closed`);
  return bus;
}

async function attach(bus, client, kind, key, admits, since = "live") {
  const held = new Subscription(client, kind, key, admits);
  const kept = await asked(-32005, () => bus.attach(kind, key, held.sink, since));
  if (about.protocol > 1) held.replay(kept);
  const name = `s${(names.s += 1)}`;
  subscriptions.set(name, held);
  return { subscription: name };
}

/** An open client, where the capabilities claim that channels are counted. */
function countingBus(client) {
  const bus = openBus(client);
  if (about.capabilities.introspection === false) {
    throw new Refusal(-32601, "not supported: introspection is not claimed");
  }
  return bus;
}

const METHODS = {
  initialize: async () => about,

  async open() {
    const name = `c${(names.c += 1)}`;
    clients.set(name, new Bus());
    return { client: name };
  },

  async close({ client }) {
    const bus = find(clients, client);
    if (closed.has(client)) return {};
    closed.add(client);
    for (const held of subscriptions.values()) {
      if (held.client !== client) continue;
      held.end();
      await bus.detach(held.kind, held.key, held.sink);
    }
    await bus.disconnect();
    return {};
  },

  async publish({ client, event }, line) {
    const bus = openBus(client);
    if (hasLargeInteger(line)) throw new Refusal(-32001, "an integer lies beyond ±(2^53-1)");
    const checked = checkedEvent(event);
    await asked(-32003, () => bus.send("event", checked.tenant_id, JSON.stringify(checked)));
    return {};
  },

  async publish_stream({ client, event }) {
    const bus = openBus(client);
    const checked = checkedStreamEvent(event);
    const key = checked.workflowExecutionId;
    await asked(-32003, () => bus.send("stream", key, JSON.stringify(checked)));
    return {};
  },

  async subscribe({ client, pattern, since }) {
    const bus = openBus(client);
    const checked = checkedPattern(pattern);
    const admits = (event) => matches(checked, event);
    return attach(bus, client, "event", checked.tenant_id, admits, since);
  },

  async subscribe_stream({ client, workflow_execution_id: key, since }) {
    const bus = openBus(client);
    if (!isName(key, KEY)) throw new Refusal(-32002, `${JSON.stringify(key)} is no stream's key`);
    return attach(bus, client, "stream", key, () => true, since);
  },

  async next({ subscription, max, timeout_ms }) {
    return find(subscriptions, subscription).next(max, timeout_ms);
  },

  async unsubscribe({ subscription }) {
    const held = find(subscriptions, subscription);
    subscriptions.delete(subscription);
    held.end({ discard: true });
    if (!closed.has(held.client)) {
      await clients.get(held.client).detach(held.kind, held.key, held.sink);
    }
    return {};
  },

  async cleanup({ client }) {
    countingBus(client);
    return { removed: 0 };
  },

  channels: async ({ client }) => countingBus(client).channels(),

  shutdown: async () => ({}),
};

// Checks events and patterns by the contract

const KEY = /^[A-Za-z0-9_-]+$/;
const PREFIX = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const EVENT_TYPE = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const STREAM_TYPES = ["TOKEN", "PROGRESS", "DATA", "ERROR"];

const isName = (its, form) => typeof its === "string" && its.length <= 255 && form.test(its);
const isText = (its) => typeof its === "string" && its.isWellFormed();
const isInteger = (its) => Number.isSafeInteger(its);
const isUuid = (its) => typeof its === "string" && UUID.test(its);
const orAbsent = (holds) => (its) => its === null || its === undefined || holds(its);
const absentOrUuid = orAbsent(isUuid);

function isJson(its) {
  if (Array.isArray(its)) return its.every(isJson);
  if (its !== null && typeof its === "object") {
    return Object.entries(its).every(([key, item]) => isText(key) && isJson(item));
  }
  if (typeof its === "string") return isText(its);
  return its !== undefined;
}

/** Whether JSON.parse lost digits; afterwards nobody could tell 10^30 from 1e30. */
function hasLargeInteger(json) {
  const outsideOfStrings = json.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const integers = outsideOfStrings.match(/(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g) ?? [];
  return integers.some((digits) => !isInteger(Number(digits)));
}

/** Gives an error of your library the code of what was asked; standard error tells where it arose. */
async function asked(code, call) {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    console.error(error);
    throw new Refusal(code, `${error}`);
  }
}

/** The members that are named, each as it should be; absent ones as null. */
function checked(code, members, right) {
  const found = {};
  for (const [name, holds] of Object.entries(right)) {
    const its = members?.[name];
    if (!holds(its)) {
      const shown = JSON.stringify(its)?.slice(0, 200);
      throw new Refusal(code, `${name} is ${shown}, which is not valid`);
    }
    const isId = holds === isUuid || holds === absentOrUuid;
    found[name] = (isId ? its?.toLowerCase() : its) ?? null;
  }
  return found;
}

const checkedEvent = (event) =>
  checked(-32001, event, {
    id: isUuid,
    tenant_id: isUuid,
    workflow_execution_id: absentOrUuid,
    task_execution_id: absentOrUuid,
    event_type: (its) => isName(its, EVENT_TYPE),
    source: isText,
    data: isJson,
    timestamp_ms: isInteger,
    correlation_id: orAbsent(isText),
  });

const checkedStreamEvent = (event) =>
  checked(-32001, event, {
    taskExecutionId: isText,
    workflowExecutionId: (its) => isName(its, KEY),
    sequence: isInteger,
    type: (its) => STREAM_TYPES.includes(its),
    payload: isText,
    timestampMs: isInteger,
  });

const checkedPattern = (pattern) =>
  checked(-32002, pattern, {
    tenant_id: isUuid,
    workflow_execution_id: absentOrUuid,
    task_execution_id: absentOrUuid,
    event_type_prefix: orAbsent((its) => isName(its, PREFIX)),
    source: orAbsent(isText),
  });

function matches(pattern, event) {
  const prefix = pattern.event_type_prefix;
  if (prefix !== null && !`${event.event_type}.`.startsWith(`${prefix}.`)) return false;
  return ["tenant_id", "workflow_execution_id", "task_execution_id", "source"].every(
    (name) => pattern[name] === null || pattern[name] === event[name],
  );
}

// The protocol

async function answer({ id, method, params }, line) {
  try {
    if (!Object.hasOwn(METHODS, method)) throw new Refusal(-32601, `there is no method ${method}`);
    return { jsonrpc: "2.0", id, result: await METHODS[method](params, line) };
  } catch (error) {
    const code = error instanceof Refusal ? error.code : -32603;
    if (code === -32603) console.error(error);
    return { jsonrpc: "2.0", id, error: { code, message: error.message } };
  }
}

/**
 * Answers on standard output what is asked on standard input, until its end.
 *
 * Requests begin in the order in which they come, and finish in any.
 */
export function serve(itsBus, itsAbout) {
  [Bus, about] = [itsBus, itsAbout];
  const lines = createInterface({ input: process.stdin, terminal: false });
  lines.on("line", async (line) => {
    const request = JSON.parse(line);
    const message = `${JSON.stringify(await answer(request, line))}\n`;
    process.stdout.write(message, () => {
      if (request.method === "shutdown") process.exit(0);
    });
  });
  lines.on("close", () => process.exit(0));
}
