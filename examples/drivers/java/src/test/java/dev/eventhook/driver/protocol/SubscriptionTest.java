package dev.eventhook.driver.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.eventhook.driver.Vectors;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SubscriptionTest {
  private static final int MAX_LINE = 4 * 1024 * 1024;

  @Test
  void answersInLinesThatAreNotTooLong() {
    Subscription subscription = new Subscription("s1", null, null, new Large(9));
    List<Integer> read = new ArrayList<>();

    while (read.size() < 9) {
      JsonNode answer = subscription.next(100, 0).toCompletableFuture().join();
      assertTrue(answer.toString().length() < MAX_LINE, "an answer fits into a line");
      answer.get("events").forEach(event -> read.add(event.get("sequence").asInt()));
    }

    assertEquals(IntStream.range(0, 9).boxed().toList(), read);
    JsonNode last = subscription.next(100, 0).toCompletableFuture().join();
    assertTrue(last.get("ended").asBoolean());
  }

  /** Hands over many events of a megabyte at once, then ends. */
  private static final class Large implements Bus.Feed {
    private List<StreamEvent> events;

    Large(int count) {
      String payload = "x".repeat(1024 * 1024);
      events =
          IntStream.range(0, count)
              .mapToObj(
                  number ->
                      Vectors.streamEvent("k").put("sequence", number).put("payload", payload))
              .map(StreamEvent::read)
              .toList();
    }

    @Override
    public CompletionStage<Bus.Batch> next(int max, long timeoutMs) {
      List<StreamEvent> all = events;
      events = List.of();
      return CompletableFuture.completedFuture(
          new Bus.Batch(all, all.isEmpty(), OptionalLong.of(0)));
    }

    @Override
    public CompletionStage<Void> leave() {
      return CompletableFuture.completedFuture(null);
    }
  }
}
