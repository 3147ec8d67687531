package dev.eventhook.driver.vertx;

import static java.util.Map.entry;

import dev.eventhook.driver.protocol.Bus;
import dev.eventhook.driver.protocol.Lines;
import io.vertx.core.Vertx;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.logging.Level;
import java.util.logging.Logger;

/** The Vert.x event bus of one process. A client is a verticle, on an event loop of its own. */
public final class VertxDriver implements Bus {
  static final int EVENT_CAPACITY = 1024;
  static final int STREAM_CAPACITY = 256;

  private static final long SHUTDOWN_S = 3;

  /** Warns of every single message that is dropped. Held here, lest its level be collected. */
  private static final Logger CONSUMER_LOG =
      Logger.getLogger("io.vertx.core.eventbus.impl.MessageConsumerImpl");

  private final Vertx vertx = Vertx.vertx();

  VertxDriver() {
    CONSUMER_LOG.setLevel(Level.SEVERE);
    vertx.eventBus().registerCodec(EventCodec.INSTANCE);
  }

  public static void main(String[] args) {
    Lines.serve(new VertxDriver());
  }

  @Override
  public About about() {
    String version = Vertx.class.getPackage().getImplementationVersion();
    return new About(
        "vertx-event-bus",
        Objects.requireNonNullElse(version, "unknown"),
        Map.ofEntries(
            entry("event_capacity", EVENT_CAPACITY),
            entry("stream_capacity", STREAM_CAPACITY),
            entry("overflow", "drop_newest"),
            // A consumer buffers its whole address; a filter sees a message only afterwards.
            entry("overflow_scope", "tenant"),
            entry("causal_order", true),
            entry("in_process", false)));
  }

  @Override
  public CompletionStage<Client> open(Optional<String> address) {
    VertxClient client = new VertxClient();
    return vertx.deployVerticle(client).<Client>map(client).toCompletionStage();
  }

  @Override
  public void shutDown() {
    try {
      vertx.close().toCompletionStage().toCompletableFuture().get(SHUTDOWN_S, TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException error) {
      System.err.println("Vert.x did not close in order: " + error);
    }
  }
}
