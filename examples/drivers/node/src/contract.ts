/** What the contract says of events, patterns and keys: reading them, and which match. */

import { z } from "zod";
import { type Code, code, Refusal } from "./errors.js";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const MAX_BYTES = 255;
const TOKEN = "[A-Za-z0-9_-]+";

// UTF-16 has lone surrogates and UTF-8 has not: a writer would turn them into U+FFFD.
const text = z
  .string()
  .refine((value) => value.isWellFormed(), "holds a lone surrogate, which UTF-8 cannot carry");
const uuid = z.guid().toLowerCase();
const tokens = (form: string) =>
  z
    .string()
    .max(MAX_BYTES)
    .regex(new RegExp(`^${form}$`));
const optional = <T extends z.ZodType>(schema: T) => schema.nullable().default(null);

const flovynEvent = z.object({
  id: uuid,
  tenant_id: uuid,
  workflow_execution_id: optional(uuid),
  task_execution_id: optional(uuid),
  event_type: tokens(`${TOKEN}(\\.${TOKEN})+`),
  source: text,
  data: z.custom<Json>(isJson, "is no JSON value that every reader keeps"),
  timestamp_ms: z.int(),
  correlation_id: optional(text),
});

const key = tokens(TOKEN);

const streamEvent = z.object({
  taskExecutionId: text,
  workflowExecutionId: key,
  sequence: z.int(),
  type: z.enum(["TOKEN", "PROGRESS", "DATA", "ERROR"]),
  payload: text,
  timestampMs: z.int(),
});

const eventPattern = z.object({
  tenant_id: uuid,
  workflow_execution_id: optional(uuid),
  task_execution_id: optional(uuid),
  event_type_prefix: optional(tokens(`${TOKEN}(\\.${TOKEN})*`)),
  source: optional(text),
});

export type FlovynEvent = z.output<typeof flovynEvent>;
export type StreamEvent = z.output<typeof streamEvent>;
export type EventPattern = z.output<typeof eventPattern>;

export const readEvent = reader(flovynEvent, "the event", code.invalidEvent);
export const readStreamEvent = reader(streamEvent, "the stream event", code.invalidEvent);
export const readPattern = reader(eventPattern, "the pattern", code.invalidPattern);
export const readKey = reader(key, "the stream's key", code.invalidPattern);

/** Whether a pattern selects an event: a prefix matches whole tokens, all else is equal or unset. */
export function matches(pattern: EventPattern, event: FlovynEvent): boolean {
  const prefix = pattern.event_type_prefix;
  return (
    pattern.tenant_id === event.tenant_id &&
    (prefix === null || `${event.event_type}.`.startsWith(`${prefix}.`)) &&
    (["workflow_execution_id", "task_execution_id", "source"] as const).every(
      (name) => pattern[name] === null || pattern[name] === event[name],
    )
  );
}

function reader<T>(schema: z.ZodType<T>, what: string, refusal: Code): (value: unknown) => T {
  return (value) => {
    const read = schema.safeParse(value);
    if (read.success) {
      return read.data;
    }
    const problems = read.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`);
    throw new Refusal(refusal, `${what} is not valid: ${problems.join("; ").trim()}`);
  };
}

function isJson(value: unknown): value is Json {
  switch (typeof value) {
    case "string":
      return value.isWellFormed();
    case "number":
      return Number.isFinite(value);
    case "boolean":
      return true;
    case "object":
      return (
        value === null ||
        (Array.isArray(value)
          ? value.every(isJson)
          : Object.entries(value).every(([name, item]) => name.isWellFormed() && isJson(item)))
      );
    default:
      return false;
  }
}
