import type { Feed } from "./bus.js";

export interface Batch {
  events: object[];
  ended: boolean;
}

// A line holds at most 4 MiB, and the event that fills a batch may itself be large.
const BATCH_BYTES = 1024 * 1024;
const EXPIRED = Symbol("expired");

/**
 * Reads a feed in batches, with a limit of time.
 *
 * An async iterator cannot be asked what it has at hand, nor can a read of it be taken back. So a
 * read that is still under way when the time is over is kept for the next batch.
 */
export class Reader {
  readonly #feed: Feed<object>;
  #reading: Promise<IteratorResult<object, void>> | undefined;
  #left = false;

  constructor(feed: Feed<object>) {
    this.#feed = feed;
  }

  get left(): boolean {
    return this.#left;
  }

  /** Waits for one event, then takes all that are there. */
  async next(max: number, timeoutMs: number): Promise<Batch> {
    const events: object[] = [];
    let bytes = 0;
    let ended = false;
    const waiting = expiry((expire) => {
      const timer = setTimeout(expire, timeoutMs);
      return () => clearTimeout(timer);
    });
    let limit = waiting;
    while (events.length < max && bytes < BATCH_BYTES) {
      const step = await Promise.race([this.#read(), limit.expired]);
      if (step === EXPIRED) {
        break;
      }
      this.#reading = undefined;
      if (step.done) {
        ended = true;
        break;
      }
      events.push(step.value);
      bytes += Buffer.byteLength(JSON.stringify(step.value));
      if (limit === waiting) {
        waiting.cancel();
        // What is buffered is yielded in microtasks, all of which run before an immediate.
        limit = expiry((expire) => {
          const immediate = setImmediate(expire);
          return () => clearImmediate(immediate);
        });
      }
    }
    limit.cancel();
    return this.#left ? { events: [], ended: true } : { events, ended: ended && !events.length };
  }

  /** Ends a read that waits, and the feed. */
  async leave(): Promise<void> {
    this.#left = true;
    await this.#feed.leave();
  }

  #read(): Promise<IteratorResult<object, void>> {
    if (this.#reading === undefined) {
      this.#reading = this.#feed.events.next();
      // It may fail while nobody waits for it; whoever reads next is told.
      this.#reading.catch(() => {});
    }
    return this.#reading;
  }
}

interface Limit {
  readonly expired: Promise<typeof EXPIRED>;
  cancel(): void;
}

function expiry(start: (expire: () => void) => () => void): Limit {
  let cancel = () => {};
  const expired = new Promise<typeof EXPIRED>((resolve) => {
    cancel = start(() => resolve(EXPIRED));
  });
  return { expired, cancel };
}
