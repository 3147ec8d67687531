/** The project's vectors, for the tests: the same by which the suite judges every bus. */

import { readFileSync } from "node:fs";

const FIXTURES = new URL("../../../../../fixtures/eventhook_fixtures/", import.meta.url);

export interface Grammar {
  valid: { value: string; why: string }[];
  invalid: { value: string; why: string }[];
}

interface Selection {
  tenant: string;
  workflow: string | null;
  task: string | null;
  source: string | null;
}

export interface PatternVector {
  name: string;
  pattern: Selection & { prefix: string | null };
  event: Selection & { type: string };
  matches: boolean;
}

export interface Subjects {
  events: { type: string; subject: string }[];
  streams: { key: string; subject: string }[];
  subscriptions: { name: string; pattern: PatternVector["pattern"]; allowed: string[][] }[];
}

export function load(name: "event_types" | "prefixes" | "stream_keys"): Grammar;
export function load(name: "patterns"): { vectors: PatternVector[] };
export function load(name: "subjects"): Subjects;
export function load(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FIXTURES), "utf8"));
}
