/** Which NATS subject an event is published on, and what a subscription asks the server for. */

import type { EventPattern, FlovynEvent } from "./contract.js";

export const EVENTS = "flovyn.events";
export const STREAMS = "flovyn.streams";

export function eventSubject(event: Pick<FlovynEvent, "tenant_id" | "event_type">): string {
  return `${EVENTS}.${event.tenant_id}.${event.event_type}`;
}

export function streamSubject(key: string): string {
  return `${STREAMS}.workflow.${key}`;
}

/**
 * One subject for one subscription: two would each be in order, and not the one with the other. So
 * a longer prefix asks for its category, and the client filters.
 */
export function patternSubject(pattern: EventPattern): string {
  const category = pattern.event_type_prefix?.split(".", 1)[0];
  const below = category === undefined ? "" : `.${category}`;
  return `${EVENTS}.${pattern.tenant_id}${below}.>`;
}
