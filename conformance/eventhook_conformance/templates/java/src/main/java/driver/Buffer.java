package driver;

import com.fasterxml.jackson.databind.util.RawValue;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The unread events of a subscription: bounded, dropping the oldest. */
final class Buffer {
  /** A line has at most 4 MiB; this leaves room for what stands around the events. */
  private static final int MAX_BATCH = 4 * 1024 * 1024 - 1024;

  private final int capacity;
  private final Deque<String> events = new ArrayDeque<>();
  private long dropped;
  private boolean ended;

  /** The answer to {@code next}. */
  record Batch(List<RawValue> events, boolean ended, long dropped) {}

  Buffer(int capacity) {
    this.capacity = capacity;
  }

  synchronized void put(String event) {
    if (ended) {
      return;
    }
    if (events.size() == capacity) {
      events.removeFirst();
      dropped++;
    }
    events.addLast(event);
    notifyAll();
  }

  /** Nothing comes any more; what is there stays, unless it is discarded. */
  synchronized void end(boolean discard) {
    if (discard) {
      events.clear();
    }
    ended = true;
    notifyAll();
  }

  /** Waits for one event, then takes what is there. */
  synchronized Batch next(int most, long timeoutMs) throws InterruptedException {
    long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
    long left = until - System.nanoTime();
    while (events.isEmpty() && !ended && left > 0) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
      left = until - System.nanoTime();
    }
    List<RawValue> taken = new ArrayList<>();
    int size = 0;
    while (taken.size() < most && !events.isEmpty()) {
      // A char has at most three bytes.
      size += 3 * events.peekFirst().length() + 1;
      if (size > MAX_BATCH && !taken.isEmpty()) {
        break;
      }
      taken.add(new RawValue(events.removeFirst()));
    }
    return new Batch(taken, ended && taken.isEmpty(), dropped);
  }
}
