package dev.eventhook.driver.nats;

import static java.util.Map.entry;

import dev.eventhook.driver.protocol.Bus;
import dev.eventhook.driver.protocol.Lines;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** NATS through jnats. A client is a connection of its own, to {@code NATS_URL}. */
public final class NatsDriver implements Bus {
  static final int EVENT_CAPACITY = 1024;
  static final int STREAM_CAPACITY = 256;
  static final int MAX_EVENT_BYTES = 262_144;

  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);

  /** Reading a subscription blocks, so that each waiting {@code next} has a thread. */
  private final ExecutorService readers = Executors.newCachedThreadPool(NatsDriver::daemon);

  private NatsDriver() {}

  public static void main(String[] args) {
    Lines.serve(new NatsDriver());
  }

  @Override
  public About about() {
    return new About(
        "jnats",
        Nats.CLIENT_VERSION,
        Map.ofEntries(
            entry("event_capacity", EVENT_CAPACITY),
            entry("stream_capacity", STREAM_CAPACITY),
            entry("overflow", "drop_newest"),
            // What the subject brings takes room; a filter sees a message only when it is read.
            entry("overflow_scope", "tenant"),
            entry("causal_order", true),
            entry("max_event_bytes", MAX_EVENT_BYTES),
            entry("in_process", false)));
  }

  @Override
  public CompletionStage<Client> open(Optional<String> address) {
    String server =
        address
            .or(() -> Optional.ofNullable(System.getenv("NATS_URL")))
            .orElse(Options.DEFAULT_URL);
    return CompletableFuture.supplyAsync(() -> connect(server), readers);
  }

  private Client connect(String server) {
    Options options = new Options.Builder().server(server).connectionTimeout(CONNECT_LIMIT).build();
    try {
      return new NatsClient(Nats.connect(options), readers);
    } catch (IOException | InterruptedException error) {
      throw new CompletionException("cannot connect to " + server, error);
    }
  }

  @Override
  public void shutDown() {
    readers.shutdownNow();
  }

  static Thread daemon(Runnable work) {
    Thread thread = new Thread(work);
    thread.setDaemon(true);
    return thread;
  }
}
