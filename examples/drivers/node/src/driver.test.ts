import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "./bus.js";
import { Driver } from "./driver.js";
import { code, Refusal } from "./errors.js";
import { aStreamEvent } from "./testing/samples.js";

const refused = (expected: number) => (error: unknown) => {
  assert.ok(error instanceof Refusal);
  assert.equal(error.code, expected);
  return true;
};

/** A driver over a bus that does nothing but what a test puts in, with one open client. */
async function start(behaviour: Partial<Client> = {}) {
  const client = {
    close: async () => {},
    publishStream: async () => {},
    ...behaviour,
  } as Client;
  const driver = new Driver({
    name: "fake",
    version: "1",
    capabilities: {},
    dropped: 0,
    open: async () => client,
  });
  await driver.call("open", { address: null });
  return driver;
}

test("an unknown method is refused, and so is one that objects inherit", async () => {
  const driver = await start();
  await assert.rejects(driver.call("dance", {}), refused(code.unknownMethod));
  await assert.rejects(driver.call("constructor", {}), refused(code.unknownMethod));
});

test("a closed client says so before it looks at the event", async () => {
  const driver = await start();
  await driver.call("close", { client: "c1" });
  await driver.call("close", { client: "c1" });
  const publishing = driver.call("publish_stream", { client: "c1", event: 7 });
  await assert.rejects(publishing, refused(code.closed));
});

test("what the library throws is a failed publish", async () => {
  const driver = await start({
    publishStream: async () => {
      throw new Error("max_payload size exceeded");
    },
  });
  const publishing = driver.call("publish_stream", { client: "c1", event: aStreamEvent() });
  await assert.rejects(publishing, refused(code.publishFailed));
});

test("a feed that ends unasked is lost", async () => {
  const driver = await start({
    subscribeStream: async () => ({ events: (async function* () {})(), leave: async () => {} }),
  });
  await driver.call("subscribe_stream", { client: "c1", workflow_execution_id: "w1" });
  const reading = driver.call("next", { subscription: "s1", max: 1, timeout_ms: 1000 });
  await assert.rejects(reading, refused(code.lost));
});

test("a client that closes while it subscribes has no subscription", async () => {
  const left: string[] = [];
  const driver = await start({
    subscribeStream: async () => ({
      events: (async function* () {})(),
      leave: async () => {
        left.push("s1");
      },
    }),
  });
  const subscribing = driver.call("subscribe_stream", { client: "c1", workflow_execution_id: "w" });
  await driver.call("close", { client: "c1" });
  await assert.rejects(subscribing, refused(code.closed));
  assert.deepEqual(left, ["s1"]);
});
