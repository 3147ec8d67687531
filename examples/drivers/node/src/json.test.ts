import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJson, writeJson } from "./json.js";

test("an integer that a double cannot hold is seen", () => {
  const value = parseJson("[9007199254740991, 9007199254740993, -9007199254740992]");
  assert.deepEqual(value, [9007199254740991, 9007199254740993n, -9007199254740992n]);
});

test("a large float is a number", () => {
  assert.deepEqual(parseJson("[1e300, 1.5e17, 9007199254740992.0]"), [1e300, 1.5e17, 2 ** 53]);
});

test("a large float is not written as an integer", () => {
  const value = [1.2345678901234566e17, -1e20, 1e300, 2 ** 53 - 1, 0.1, -0];
  const written = writeJson(value);
  assert.equal(written, "[1.2345678901234566e+17,-1e+20,1e+300,9007199254740991,0.1,0]");
  assert.deepEqual(parseJson(written), [...value.slice(0, -1), 0]);
});

test("keys that objects inherit are kept", () => {
  const text = '{"__proto__":{"constructor":1},"":2}';
  assert.equal(writeJson(parseJson(text) as object), text);
});
