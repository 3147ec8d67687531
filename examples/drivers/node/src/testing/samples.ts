/** Events and patterns for the tests, in their wire form, with what a test is about put in. */

import { randomUUID } from "node:crypto";
import type { EventPattern } from "../contract.js";
import type { PatternVector } from "./vectors.js";

export function anEvent(members: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: randomUUID(),
    tenant_id: randomUUID(),
    event_type: "order.created",
    source: "test",
    data: null,
    timestamp_ms: 0,
    ...members,
  };
}

export function aStreamEvent(members: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    taskExecutionId: "",
    workflowExecutionId: "w1",
    sequence: 0,
    type: "TOKEN",
    payload: "Hi",
    timestampMs: 0,
    ...members,
  };
}

/** What a vector's symbols stand for: one UUID each, the same wherever the symbol stands. */
export class Symbols {
  readonly #uuids = new Map<string, string>();

  uuid(symbol: string): string;
  uuid(symbol: string | null): string | null;
  uuid(symbol: string | null): string | null {
    if (symbol === null) {
      return null;
    }
    const known = this.#uuids.get(symbol) ?? randomUUID();
    this.#uuids.set(symbol, known);
    return known;
  }

  pattern(vector: PatternVector["pattern"]): EventPattern {
    return {
      tenant_id: this.uuid(vector.tenant),
      workflow_execution_id: this.uuid(vector.workflow),
      task_execution_id: this.uuid(vector.task),
      event_type_prefix: vector.prefix,
      source: vector.source,
    };
  }
}
