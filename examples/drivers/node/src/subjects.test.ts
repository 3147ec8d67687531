import assert from "node:assert/strict";
import { test } from "node:test";
import { eventSubject, patternSubject, streamSubject } from "./subjects.js";
import { Symbols } from "./testing/samples.js";
import { load } from "./testing/vectors.js";

const { events, streams, subscriptions } = load("subjects");

test("events and streams have the subjects of their vectors", () => {
  const tenant = new Symbols().uuid("own");
  for (const { type, subject } of events) {
    const expected = subject.replace("{tenant}", tenant);
    assert.equal(eventSubject({ tenant_id: tenant, event_type: type }), expected);
  }
  for (const { key, subject } of streams) {
    assert.equal(streamSubject(key), subject);
  }
});

test("a subscription asks for what its vector allows", () => {
  for (const { name, pattern, allowed } of subscriptions) {
    const symbols = new Symbols();
    const asked = patternSubject(symbols.pattern(pattern));
    const sets = allowed.map((set) =>
      set.map((subject) => subject.replace("{tenant}", symbols.uuid(pattern.tenant))),
    );
    assert.ok(
      sets.some((set) => set.length === 1 && set[0] === asked),
      `${name}: ${asked}`,
    );
  }
});
