package dev.eventhook.driver.nats;

import static dev.eventhook.driver.protocol.Refusal.PUBLISH_FAILED;
import static dev.eventhook.driver.protocol.Refusal.SUBSCRIBE_FAILED;

import dev.eventhook.driver.protocol.Bus;
import dev.eventhook.driver.protocol.Event;
import dev.eventhook.driver.protocol.Json;
import dev.eventhook.driver.protocol.Refusal;
import dev.eventhook.driver.protocol.Selection;
import dev.eventhook.driver.protocol.StreamKey;
import io.nats.client.Connection;
import io.nats.client.Subscription;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** One connection. */
final class NatsClient implements Bus.Client {
  private static final Duration DRAIN_LIMIT = Duration.ofSeconds(5);

  private final Connection connection;
  private final ExecutorService readers;

  /** Sending may wait for room in the outgoing queue; in turn, so that order holds. */
  private final ExecutorService sender = Executors.newSingleThreadExecutor(NatsDriver::daemon);

  private final ExecutorService flusher = Executors.newSingleThreadExecutor(NatsDriver::daemon);
  private final Barrier barrier;
  private final Set<NatsFeed> feeds = ConcurrentHashMap.newKeySet();

  NatsClient(Connection connection, ExecutorService readers) {
    this.connection = connection;
    this.readers = readers;
    this.barrier = new Barrier(connection, flusher);
  }

  @Override
  public CompletionStage<Void> publish(Event event) {
    byte[] body = Json.write(event);
    return CompletableFuture.runAsync(() -> connection.publish(Subjects.of(event), body), sender)
        .thenCompose(sent -> barrier.pass())
        .exceptionally(error -> refuse(PUBLISH_FAILED, error));
  }

  @Override
  public CompletionStage<Bus.Feed> subscribe(Selection selection) {
    return CompletableFuture.<Bus.Feed>supplyAsync(() -> attach(selection), sender)
        .thenCompose(feed -> barrier.pass().thenApply(active -> feed))
        .exceptionally(error -> refuse(SUBSCRIBE_FAILED, error));
  }

  @Override
  public CompletionStage<Void> close() {
    return CompletableFuture.runAsync(() -> {}, sender)
        .thenRunAsync(this::drain, flusher)
        .whenComplete(
            (closed, error) -> {
              sender.shutdown();
              flusher.shutdown();
            });
  }

  private NatsFeed attach(Selection selection) {
    Subscription subscription = connection.subscribe(Subjects.of(selection));
    int capacity =
        selection instanceof StreamKey ? NatsDriver.STREAM_CAPACITY : NatsDriver.EVENT_CAPACITY;
    // The count is the limit; that in bytes, 64 MB by default, must not come first.
    subscription.setPendingLimits(capacity, (long) capacity * NatsDriver.MAX_EVENT_BYTES);
    NatsFeed feed = new NatsFeed(subscription, selection, readers, feeds::remove);
    feeds.add(feed);
    return feed;
  }

  /** Lets the server send what it has for us, takes that, and only then disconnects. */
  private void drain() {
    try {
      CompletableFuture<Boolean> drained = connection.drain(DRAIN_LIMIT);
      feeds.forEach(NatsFeed::finish);
      drained.get(DRAIN_LIMIT.toSeconds(), TimeUnit.SECONDS);
    } catch (TimeoutException | InterruptedException | ExecutionException error) {
      System.err.println("a connection was closed without draining: " + error);
    }
  }

  private static <T> T refuse(int code, Throwable error) {
    Throwable cause = error instanceof CompletionException ? error.getCause() : error;
    throw new Refusal(code, cause.toString(), cause);
  }
}
