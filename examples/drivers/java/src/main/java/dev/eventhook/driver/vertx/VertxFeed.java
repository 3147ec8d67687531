package dev.eventhook.driver.vertx;

import dev.eventhook.driver.protocol.Bus;
import dev.eventhook.driver.protocol.Event;
import dev.eventhook.driver.protocol.Selection;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.eventbus.MessageConsumer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletionStage;

/**
 * A paused consumer, from whose buffer {@code next} fetches.
 *
 * <p>The buffer is the library's own: it holds {@code maxBufferedMessages} and drops what comes
 * after, which only its log tells. All methods of state run on the client's context.
 */
final class VertxFeed implements Bus.Feed {
  private final VertxClient client;
  private final MessageConsumer<Event> consumer;
  private final Selection selection;
  private final Deque<Event> fetched = new ArrayDeque<>();
  private Waiting waiting;
  private boolean ended;

  VertxFeed(VertxClient client, MessageConsumer<Event> consumer, Selection selection) {
    this.client = client;
    this.consumer = consumer;
    this.selection = selection;
  }

  /** Registers the consumer, which fetches nothing by itself. */
  Future<Void> start() {
    consumer.pause();
    consumer.handler(message -> receive(message.body()));
    return consumer.completion();
  }

  /** Fetches all that is buffered, since the library discards it otherwise, then unregisters. */
  Future<Void> finish() {
    if (ended) {
      return Future.succeededFuture();
    }
    Promise<Void> finished = Promise.promise();
    consumer.resume();
    client.later(
        () -> {
          ended = true;
          settle();
          consumer.unregister().onComplete(finished);
        });
    return finished.future();
  }

  @Override
  public CompletionStage<Bus.Batch> next(int max, long timeoutMs) {
    return client.onContext(() -> wait(max, timeoutMs));
  }

  @Override
  public CompletionStage<Void> leave() {
    return client.onContext(
        () -> {
          ended = true;
          fetched.clear();
          settle();
          client.forget(this);
          return consumer.unregister();
        });
  }

  private Future<Bus.Batch> wait(int max, long timeoutMs) {
    Waiting its = new Waiting(max);
    waiting = its;
    if (ended) {
      answer();
      return its.batch.future();
    }
    consumer.fetch(max);
    // By then what was buffered has been handed over.
    client.later(this::settle);
    if (timeoutMs > 0) {
      its.timer = client.after(timeoutMs, () -> expire(its));
    } else {
      client.later(() -> expire(its));
    }
    return its.batch.future();
  }

  private void receive(Event event) {
    if (!selection.admits(event)) {
      consumer.fetch(1);
      return;
    }
    fetched.add(event);
    if (fetched.size() == 1) {
      client.later(this::settle);
    }
  }

  private void settle() {
    if (waiting != null && (ended || !fetched.isEmpty())) {
      answer();
    }
  }

  private void expire(Waiting its) {
    if (waiting == its) {
      answer();
    }
  }

  private void answer() {
    Waiting its = waiting;
    waiting = null;
    client.cancel(its.timer);
    if (!ended) {
      consumer.pause();
    }
    List<Event> events = new ArrayList<>();
    while (events.size() < its.max && !fetched.isEmpty()) {
      events.add(fetched.poll());
    }
    boolean over = ended && events.isEmpty();
    its.batch.complete(new Bus.Batch(events, over, OptionalLong.empty()));
  }

  private static final class Waiting {
    final int max;
    final Promise<Bus.Batch> batch = Promise.promise();
    long timer = -1;

    Waiting(int max) {
      this.max = max;
    }
  }
}
