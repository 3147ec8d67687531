package dev.eventhook.driver.nats;

import dev.eventhook.driver.protocol.Bus;
import dev.eventhook.driver.protocol.Event;
import dev.eventhook.driver.protocol.FlovynEvent;
import dev.eventhook.driver.protocol.Json;
import dev.eventhook.driver.protocol.Refusal;
import dev.eventhook.driver.protocol.Selection;
import dev.eventhook.driver.protocol.StreamEvent;
import dev.eventhook.driver.protocol.StreamKey;
import io.nats.client.Message;
import io.nats.client.Subscription;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/**
 * A synchronous subscription, read by {@code nextMessage}.
 *
 * <p>The buffer is the library's own: it holds as many messages as its pending limit says, drops
 * what comes after, and counts that.
 */
final class NatsFeed implements Bus.Feed {
  /** jnats takes a timeout of 0 for "for ever". */
  private static final long AT_ONCE_NS = 1;

  private final Subscription subscription;
  private final Selection selection;
  private final Executor readers;
  private final Consumer<NatsFeed> forget;
  private final Deque<Event> rest = new ArrayDeque<>();
  private boolean ended;
  private volatile boolean left;

  NatsFeed(
      Subscription subscription, Selection selection, Executor readers, Consumer<NatsFeed> forget) {
    this.subscription = subscription;
    this.selection = selection;
    this.readers = readers;
    this.forget = forget;
  }

  @Override
  public CompletionStage<Bus.Batch> next(int max, long timeoutMs) {
    return CompletableFuture.supplyAsync(() -> take(max, timeoutMs), readers);
  }

  @Override
  public CompletionStage<Void> leave() {
    left = true;
    return CompletableFuture.runAsync(this::unsubscribe, readers);
  }

  private void unsubscribe() {
    try {
      subscription.unsubscribe();
    } catch (IllegalStateException inactive) {
      // Its connection was closed before, which left nothing to ask the server for.
    }
    // Where the connection is draining it waits until this is empty.
    finish();
    forget.accept(this);
  }

  /** Takes all that is left of a subscription that was drained. */
  synchronized void finish() {
    for (Optional<Message> message = poll(AT_ONCE_NS); message.isPresent(); ) {
      read(message.get()).ifPresent(rest::add);
      message = poll(AT_ONCE_NS);
    }
    ended = true;
  }

  private synchronized Bus.Batch take(int max, long timeoutMs) {
    long until = System.nanoTime() + timeoutMs * 1_000_000;
    List<Event> events = new ArrayList<>();
    while (events.size() < max && !rest.isEmpty()) {
      events.add(rest.poll());
    }
    while (events.size() < max && !ended) {
      long wait = events.isEmpty() ? until - System.nanoTime() : AT_ONCE_NS;
      Optional<Message> message = poll(Math.max(wait, AT_ONCE_NS));
      if (message.isEmpty()) {
        // Before its time only a subscription that is over, or drained to the end, has nothing.
        ended |= events.isEmpty() && System.nanoTime() < until;
        break;
      }
      read(message.get()).ifPresent(events::add);
    }
    if (left) {
      events.clear();
    }
    boolean over = events.isEmpty() && (ended || left);
    return new Bus.Batch(events, over, OptionalLong.of(subscription.getDroppedCount()));
  }

  private Optional<Message> poll(long nanoseconds) {
    try {
      return Optional.ofNullable(subscription.nextMessage(Duration.ofNanos(nanoseconds)));
    } catch (IllegalStateException inactive) {
      return Optional.empty();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  /** The event of a message: none if it is not for this subscription, or not of this bus. */
  private Optional<Event> read(Message message) {
    try {
      Event event =
          selection instanceof StreamKey
              ? StreamEvent.read(Json.read(message.getData()))
              : FlovynEvent.read(Json.read(message.getData()));
      boolean inPlace = message.getSubject().equals(Subjects.of(event));
      return inPlace && selection.admits(event) ? Optional.of(event) : Optional.empty();
    } catch (IOException | Refusal garbage) {
      return Optional.empty();
    }
  }
}
