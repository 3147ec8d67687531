/**
 * JSON for readers and writers that tell integers from other numbers, as most languages do.
 *
 * JavaScript has one kind of number, which hurts twice. `JSON.parse` rounds 9007199254740993 to its
 * neighbour without a word, and an id that arrives as its neighbour is worse than an error.
 * `JSON.stringify` writes the float 1.2e17 as 120000000000000000: elsewhere that is an integer, and
 * one beyond ±(2^53-1), so a reader has to refuse the whole event.
 */

import { isInteger, parse, stringify } from "lossless-json";

/** Like `JSON.parse`, but an integer that a double cannot hold is a `bigint`, to be refused. */
export function parseJson(text: string): unknown {
  return parse(text, undefined, (digits) => {
    const value = Number(digits);
    return isInteger(digits) && !Number.isSafeInteger(value) ? BigInt(digits) : value;
  });
}

/** Like `JSON.stringify`, but what no integer may be is written as a float. */
export function writeJson(value: object): string {
  // It answers undefined for what is no JSON at all, and no object is that.
  return stringify(value, undefined, undefined, [large]) as string;
}

const large = {
  test: (value: unknown) => Number.isInteger(value) && !Number.isSafeInteger(value),
  stringify: (value: unknown) => (value as number).toExponential(),
};
