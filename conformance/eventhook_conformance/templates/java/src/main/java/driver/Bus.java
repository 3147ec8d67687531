package driver;

import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * One client of the bus: here over a map of callbacks. Its methods are called from many threads,
 * and may block.
 */
final class Bus {
  /** The two sides of the bus, and how many unread events a subscription keeps. */
  enum Kind {
    EVENT(1024),
    STREAM(256);

    final int capacity;

    Kind(int capacity) {
      this.capacity = capacity;
    }
  }

  /** Ends what {@link #attach} began; doing it twice is fine. */
  interface Attached {
    void detach() throws IOException;
  }

  private record Channel(Kind kind, String key) {}

  /** Stands for your server: what all clients share. */
  private static final Map<Channel, Set<Consumer<byte[]>>> SINKS = new ConcurrentHashMap<>();

  /** Opens one more client, at the address or, if that is null, at the usual place. */
  static Bus open(String address) throws IOException {
    return new Bus();
  }

  /** Returns once the bus has the message. */
  void send(Kind kind, String key, byte[] body) throws IOException {
    // One message of a channel at a time, so that all see one order.
    SINKS.computeIfPresent(
        new Channel(kind, key),
        (channel, sinks) -> {
          sinks.forEach(sink -> sink.accept(body));
          return sinks;
        });
  }

  /** Returns once the sink gets each message. */
  Attached attach(Kind kind, String key, Consumer<byte[]> sink) throws IOException {
    Channel to = new Channel(kind, key);
    SINKS.compute(
        to,
        (channel, sinks) -> {
          Set<Consumer<byte[]>> all = sinks == null ? ConcurrentHashMap.newKeySet() : sinks;
          all.add(sink);
          return all;
        });
    return () ->
        SINKS.computeIfPresent(
            to,
            (channel, sinks) -> {
              sinks.remove(sink);
              return sinks.isEmpty() ? null : sinks;
            });
  }

  /** Closes this client alone; all that it attached is detached by then. */
  void disconnect() throws IOException {}

  /** How many channels the bus keeps. */
  long channels(Kind kind) {
    return SINKS.keySet().stream().filter(channel -> channel.kind() == kind).count();
  }
}
