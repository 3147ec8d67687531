// The types of protocol.mjs, for a driver in TypeScript: rename my_bus_driver.mjs to my_bus_driver.mts, let
// `Bus` implement `Client`, and build it; that writes my_bus_driver.mjs, which is judged as before.
//
//     npm install --save-dev typescript @types/node
//     npx tsc --strict --module nodenext --target es2023 my_bus_driver.mts

export type Kind = "event" | "stream";

/** Where a subscription begins; other than "live" only if the bus has a history. */
export type Since = "live" | "start" | { cursor: string };

/** Takes a message of the bus and, if that has a history, its cursor. */
export type Sink = (body: string, cursor?: string) => void;

export interface Message {
  body: string;
  cursor: string;
}

export interface Channels {
  events: number;
  streams: number;
}

/** What you write: one client of your bus. */
export interface Client {
  send(kind: Kind, key: string, body: string): Promise<void>;
  /** Returns once the subscription is active; with a history, what is kept since then. */
  attach(kind: Kind, key: string, sink: Sink, since: Since): Promise<Message[] | void>;
  detach(kind: Kind, key: string, sink: Sink): Promise<void>;
  disconnect(): Promise<void>;
  channels(): Channels | Promise<Channels>;
}

/** What the driver says of itself. */
export interface About {
  protocol: 1 | 2;
  name: string;
  version: string;
  language: string;
  capabilities: Record<string, unknown>;
}

/** What the protocol answers in place of a result; your bus may throw one too. */
export class Refusal extends Error {
  constructor(code: number, message: string);
  code: number;
}

/** Answers on standard output what is asked on standard input, until its end. */
export function serve(bus: new () => Client, about: About): void;
