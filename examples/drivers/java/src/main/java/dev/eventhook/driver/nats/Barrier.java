package dev.eventhook.driver.nats;

import io.nats.client.Connection;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;

/**
 * Completes once the server has all that was sent before: one round trip for all who wait.
 *
 * <p>Never two at once. With more pings in flight than {@code maxPingsOut}, by default 2, jnats
 * drops the connection, and {@code flush} returns as if the server had answered.
 */
final class Barrier {
  private static final Duration LIMIT = Duration.ofSeconds(5);

  private final Connection connection;
  private final Executor oneAtATime;
  private CompletableFuture<Void> next;

  Barrier(Connection connection, Executor oneAtATime) {
    this.connection = connection;
    this.oneAtATime = oneAtATime;
  }

  /** Joins the next round trip; one that has begun may have passed what was just sent. */
  synchronized CompletionStage<Void> pass() {
    if (next == null) {
      next = new CompletableFuture<>();
      oneAtATime.execute(this::flush);
    }
    return next;
  }

  private void flush() {
    CompletableFuture<Void> begun = begin();
    try {
      connection.flush(LIMIT);
      begun.complete(null);
    } catch (TimeoutException | InterruptedException error) {
      begun.completeExceptionally(error);
    }
  }

  private synchronized CompletableFuture<Void> begin() {
    CompletableFuture<Void> begun = next;
    next = null;
    return begun;
  }
}
