package dev.eventhook.driver.protocol;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletionStage;

/**
 * What a driver asks of a bus: the client library as its users have it, and no more.
 *
 * <p>Calls come from one thread, in the order of the requests, and never block it. What fails in a
 * way that the protocol knows fails with a {@link Refusal}.
 */
public interface Bus {
  /** Who this is. */
  About about();

  /** One more client, at the address or where the bus knows. */
  CompletionStage<Client> open(Optional<String> address);

  /** Lets go of everything; takes no longer than the protocol allows for exiting. */
  void shutDown();

  /** The answer to {@code initialize}; what {@code capabilities} leaves out has its default. */
  record About(String name, String version, Map<String, Object> capabilities) {}

  /** One client of the bus. */
  interface Client {
    /** Completes once the bus has the event. */
    CompletionStage<Void> publish(Event event);

    /** Completes once the subscription is active for publishers on every client. */
    CompletionStage<Feed> subscribe(Selection selection);

    /** Ends every feed of this client; each keeps what it has buffered. Called once. */
    CompletionStage<Void> close();
  }

  /** One subscription. Nothing is taken from the library's buffer but by {@code next}. */
  interface Feed {
    /** Waits for one event, then takes what is there up to {@code max}. */
    CompletionStage<Batch> next(int max, long timeoutMs);

    /** Discards what is buffered, and ends a waiting {@code next}. */
    CompletionStage<Void> leave();
  }

  /**
   * What one {@code next} took.
   *
   * @param ended nothing comes any more; only said with no events
   * @param dropped how many events overflow has cost so far, if the library tells
   */
  record Batch(List<? extends Event> events, boolean ended, OptionalLong dropped) {}
}
