import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { matches, readEvent, readKey, readPattern, readStreamEvent } from "./contract.js";
import { code, Refusal } from "./errors.js";
import { anEvent, aStreamEvent, Symbols } from "./testing/samples.js";
import { load } from "./testing/vectors.js";

const invalidEvent = (error: unknown) => refusedWith(error, code.invalidEvent);
const invalidPattern = (error: unknown) => refusedWith(error, code.invalidPattern);

function refusedWith(error: unknown, expected: number): true {
  assert.ok(error instanceof Refusal);
  assert.equal(error.code, expected);
  return true;
}

test("event types are read as their vectors say", () => {
  const { valid, invalid } = load("event_types");
  for (const { value } of valid) {
    assert.equal(readEvent(anEvent({ event_type: value })).event_type, value);
  }
  for (const { value, why } of invalid) {
    assert.throws(() => readEvent(anEvent({ event_type: value })), invalidEvent, why);
  }
});

test("prefixes are read as their vectors say", () => {
  const { valid, invalid } = load("prefixes");
  const pattern = (prefix: string) => ({ tenant_id: randomUUID(), event_type_prefix: prefix });
  for (const { value } of valid) {
    assert.equal(readPattern(pattern(value)).event_type_prefix, value);
  }
  for (const { value, why } of invalid) {
    assert.throws(() => readPattern(pattern(value)), invalidPattern, why);
  }
});

test("stream keys are read as their vectors say, by readers and writers", () => {
  const { valid, invalid } = load("stream_keys");
  for (const { value } of valid) {
    assert.equal(readKey(value), value);
    const event = aStreamEvent({ workflowExecutionId: value });
    assert.equal(readStreamEvent(event).workflowExecutionId, value);
  }
  for (const { value, why } of invalid) {
    assert.throws(() => readKey(value), invalidPattern, why);
    const event = aStreamEvent({ workflowExecutionId: value });
    assert.throws(() => readStreamEvent(event), invalidEvent, why);
  }
});

test("patterns select as their vectors say", () => {
  for (const { name, pattern, event, matches: expected } of load("patterns").vectors) {
    const symbols = new Symbols();
    const read = readEvent(
      anEvent({
        tenant_id: symbols.uuid(event.tenant),
        workflow_execution_id: symbols.uuid(event.workflow),
        task_execution_id: symbols.uuid(event.task),
        event_type: event.type,
        ...(event.source === null ? {} : { source: event.source }),
      }),
    );
    assert.equal(matches(symbols.pattern(pattern), read), expected, name);
  }
});

test("unknown members are dropped, missing optionals are null, UUIDs are in lower case", () => {
  const tenant = randomUUID();
  const read = readEvent(anEvent({ tenant_id: tenant.toUpperCase(), extra: 1 }));
  assert.equal(read.tenant_id, tenant);
  assert.equal(read.workflow_execution_id, null);
  assert.equal(read.correlation_id, null);
  assert.ok(!("extra" in read));
});

for (const [what, members] of Object.entries({
  "no data": { data: undefined },
  "an integer beyond 2^53-1": { data: { list: [2n ** 53n] } },
  "a number that is none": { data: [Number.POSITIVE_INFINITY] },
  "a lone surrogate in its source": { source: "\ud800" },
  "a lone surrogate in a key of its data": { data: { "\udc00": 1 } },
  "a time that is no integer": { timestamp_ms: 1.5 },
  "a time that is a boolean": { timestamp_ms: true },
  "an id that is no UUID": { id: "order-1" },
  "an empty workflow": { workflow_execution_id: "" },
})) {
  test(`an event with ${what} is refused`, () => {
    assert.throws(() => readEvent(anEvent(members)), invalidEvent);
  });
}

test("falsy data is data", () => {
  for (const data of [null, false, 0, "", {}, []]) {
    assert.deepEqual(readEvent(anEvent({ data })).data, data);
  }
});
