import assert from "node:assert/strict";
import { test } from "node:test";
import { lines } from "./serve.js";

test("lines end at LF and nowhere else, wherever the chunks end", async () => {
  const bytes = new TextEncoder().encode('{"a":"é😀\u2028\r"}\n{}\n');
  async function* single() {
    for (const byte of bytes) {
      yield Uint8Array.of(byte);
    }
  }
  const read: string[] = [];
  for await (const line of lines(single())) {
    read.push(line);
  }
  assert.deepEqual(read, ['{"a":"é😀\u2028\r"}', "{}"]);
});
