package dev.eventhook.driver.vertx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.eventhook.driver.Vectors;
import dev.eventhook.driver.protocol.Bus;
import dev.eventhook.driver.protocol.Event;
import dev.eventhook.driver.protocol.EventPattern;
import dev.eventhook.driver.protocol.FlovynEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class VertxFeedTest {
  private static final long LIMIT_S = 10;

  private final String tenant = UUID.randomUUID().toString();
  private final VertxDriver driver = new VertxDriver();
  private final Bus.Client client = get(driver.open(Optional.empty()));

  @AfterEach
  void shutDown() {
    driver.shutDown();
  }

  @Test
  void handsOverWhatIsThereUpToTheMost() {
    Bus.Feed feed = subscribe(null);
    List<Event> events = publish(5, "a.b");

    assertEquals(events.subList(0, 2), get(feed.next(2, 1000)).events());
    assertEquals(events.subList(2, 5), get(feed.next(100, 1000)).events());
    assertTrue(get(feed.next(100, 0)).events().isEmpty());
  }

  @Test
  void answersAWaitingReaderWithWhatItsFilterAdmits() {
    Bus.Feed feed = subscribe("wanted");
    CompletionStage<Bus.Batch> waiting = feed.next(1, TimeUnit.SECONDS.toMillis(LIMIT_S));
    publish(3, "other.type");

    assertEquals(publish(1, "wanted.type"), get(waiting).events());
  }

  @Test
  void keepsTheOldestOfAnOverrun() {
    Bus.Feed feed = subscribe(null);
    List<Event> events = publish(VertxDriver.EVENT_CAPACITY + 100, "a.b");

    Bus.Batch batch = get(feed.next(10_000, 1000));

    assertEquals(events.subList(0, VertxDriver.EVENT_CAPACITY), batch.events());
  }

  @Test
  void readsWhatWasBufferedAfterClosing() {
    Bus.Feed feed = subscribe(null);
    List<Event> events = publish(3, "a.b");
    get(client.close());

    List<Event> read = new ArrayList<>(get(feed.next(2, 1000)).events());
    read.addAll(get(feed.next(2, 1000)).events());

    assertEquals(events, read);
    assertTrue(get(feed.next(1, 1000)).ended());
  }

  @Test
  void endsAWaitingReaderWhenItIsLeft() {
    Bus.Feed feed = subscribe(null);
    CompletionStage<Bus.Batch> waiting = feed.next(1, TimeUnit.SECONDS.toMillis(LIMIT_S));
    get(feed.leave());

    assertTrue(get(waiting).ended());
  }

  private Bus.Feed subscribe(String prefix) {
    EventPattern pattern =
        new EventPattern(
            UUID.fromString(tenant),
            Optional.empty(),
            Optional.empty(),
            Optional.ofNullable(prefix),
            Optional.empty());
    return get(client.subscribe(pattern));
  }

  private List<Event> publish(int count, String type) {
    List<Event> events = new ArrayList<>();
    for (int number = 0; number < count; number++) {
      Event event = FlovynEvent.read(Vectors.event(tenant, type));
      get(client.publish(event));
      events.add(event);
    }
    return events;
  }

  private static <T> T get(CompletionStage<T> stage) {
    CompletableFuture<T> future = stage.toCompletableFuture();
    return future.orTimeout(LIMIT_S, TimeUnit.SECONDS).join();
  }
}
