/** What a driver's author writes: one client of a bus, over its own library. */

import type { EventPattern, FlovynEvent, StreamEvent } from "./contract.js";

export interface Client {
  /** Resolves once the bus has the event. */
  publish(event: FlovynEvent): Promise<void>;
  publishStream(event: StreamEvent): Promise<void>;
  /** Resolves once an event that anyone publishes would arrive. */
  subscribe(pattern: EventPattern): Promise<Feed<FlovynEvent>>;
  subscribeStream(key: string): Promise<Feed<StreamEvent>>;
  /** What the bus keeps at the moment; both of these free a channel with its last subscription. */
  channels(): { events: number; streams: number };
  /** Closes this client alone; its feeds yield what they hold, then end. */
  close(): Promise<void>;
}

/** A subscription: it buffers from the moment it was made, whether it is read or not. */
export interface Feed<E> {
  readonly events: AsyncIterator<E>;
  leave(): Promise<void>;
}

/** What `read` makes of each message; what it makes nothing of is passed over. */
export async function* select<M, E>(
  messages: AsyncIterable<M>,
  read: (message: M) => E | undefined,
): AsyncGenerator<E, void> {
  for await (const message of messages) {
    const event = read(message);
    if (event !== undefined) {
      yield event;
    }
  }
}
