/** The error codes of the driver protocol. */
export const code = {
  invalidEvent: -32001,
  invalidPattern: -32002,
  publishFailed: -32003,
  closed: -32004,
  subscribeFailed: -32005,
  lost: -32006,
  unknownMethod: -32601,
  unknownName: -32602,
  fault: -32603,
} as const;

export type Code = (typeof code)[keyof typeof code];

/** What a request is answered with in place of a result. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(
    readonly code: Code,
    message: string,
  ) {
    super(message);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
