/** The lines of the driver protocol: JSON-RPC 2.0 on standard input and output. */

import { z } from "zod";
import { type Bus, Driver } from "./driver.js";
import { code, messageOf, Refusal } from "./errors.js";
import { parseJson, writeJson } from "./json.js";

const request = z.object({ id: z.int(), method: z.string(), params: z.unknown() });

/** Serves a bus until it is told to shut down, or its input ends. */
export async function serve(bus: Bus): Promise<void> {
  const driver = new Driver(bus);
  for await (const line of lines(process.stdin)) {
    const { id, method, params } = readRequest(line);
    // Not awaited: requests begin in the order of their lines and finish in any.
    const answered = answer(driver, id, method, params);
    if (method === "shutdown") {
      await answered;
      break;
    }
  }
  await driver.shutdown();
  // A `next` that still waits, or a connection being made, has nobody left to answer.
  process.exit();
}

/**
 * Splits bytes at LF and at nothing else.
 *
 * `node:readline` will not do: since Node 24 it also ends a line at U+2028 and U+2029, which JSON
 * text may hold as they are.
 */
export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let begun = "";
  for await (const chunk of chunks) {
    const parts = decoder.decode(chunk, { stream: true }).split("\n");
    const last = parts.pop() ?? "";
    for (const part of parts) {
      yield begun + part;
      begun = "";
    }
    begun += last;
  }
}

function readRequest(line: string): z.output<typeof request> {
  try {
    return request.parse(parseJson(line));
  } catch {
    console.error(`this is no request, such as {"jsonrpc":"2.0","id":1,…}: ${line.slice(0, 200)}`);
    process.exit(1);
  }
}

async function answer(driver: Driver, id: number, method: string, params: unknown): Promise<void> {
  try {
    write({ jsonrpc: "2.0", id, result: await driver.call(method, params) });
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal(code.fault, messageOf(error));
    write({ jsonrpc: "2.0", id, error: { code: refusal.code, message: refusal.message } });
  }
}

function write(message: object): void {
  process.stdout.write(`${writeJson(message)}\n`);
}
