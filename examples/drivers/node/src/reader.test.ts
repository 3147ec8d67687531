import assert from "node:assert/strict";
import { EventEmitter, on } from "node:events";
import { test } from "node:test";
import { select } from "./bus.js";
import { Reader } from "./reader.js";

const LONG_MS = 10_000;

function start() {
  const emitter = new EventEmitter();
  const iterator = on(emitter, "event");
  const end = async () => {
    await iterator.return?.();
  };
  const events = select(iterator as AsyncIterable<[object]>, ([event]) => event);
  return { emitter, end, reader: new Reader({ events, leave: end }) };
}

test("a read waits for one event", async () => {
  const { emitter, reader } = start();
  const reading = reader.next(10, LONG_MS);
  emitter.emit("event", { n: 1 });
  assert.deepEqual(await reading, { events: [{ n: 1 }], ended: false });
});

test("a read takes what is there, at most so many, in order", async () => {
  const { emitter, reader } = start();
  for (const n of [1, 2, 3, 4, 5]) {
    emitter.emit("event", { n });
  }
  assert.deepEqual((await reader.next(3, LONG_MS)).events, [{ n: 1 }, { n: 2 }, { n: 3 }]);
  assert.deepEqual((await reader.next(10, LONG_MS)).events, [{ n: 4 }, { n: 5 }]);
});

test("a read that timed out loses nothing", async () => {
  const { emitter, reader } = start();
  assert.deepEqual(await reader.next(1, 1), { events: [], ended: false });
  emitter.emit("event", { n: 1 });
  assert.deepEqual((await reader.next(1, LONG_MS)).events, [{ n: 1 }]);
});

test("a feed that ended yields what it holds first, then its end every time", async () => {
  const { emitter, end, reader } = start();
  emitter.emit("event", { n: 1 });
  await end();
  assert.deepEqual(await reader.next(10, LONG_MS), { events: [{ n: 1 }], ended: false });
  assert.deepEqual(await reader.next(10, LONG_MS), { events: [], ended: true });
  assert.deepEqual(await reader.next(10, LONG_MS), { events: [], ended: true });
});

test("leaving ends a read that waits", async () => {
  const { reader } = start();
  const reading = reader.next(1, LONG_MS);
  await reader.leave();
  assert.deepEqual(await reading, { events: [], ended: true });
});

test("a batch stays well below the longest line", async () => {
  const { emitter, reader } = start();
  for (const n of [1, 2, 3]) {
    emitter.emit("event", { n, text: "x".repeat(1024 * 1024) });
  }
  assert.equal((await reader.next(10, LONG_MS)).events.length, 1);
  assert.equal((await reader.next(10, LONG_MS)).events.length, 1);
});
