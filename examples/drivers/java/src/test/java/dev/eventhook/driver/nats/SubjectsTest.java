package dev.eventhook.driver.nats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.eventhook.driver.Vectors;
import dev.eventhook.driver.protocol.EventPattern;
import dev.eventhook.driver.protocol.FlovynEvent;
import dev.eventhook.driver.protocol.StreamEvent;
import dev.eventhook.driver.protocol.StreamKey;
import java.util.UUID;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SubjectsTest {
  static Stream<JsonNode> events() {
    return Vectors.of("subjects", "events");
  }

  static Stream<JsonNode> streams() {
    return Vectors.of("subjects", "streams");
  }

  static Stream<JsonNode> subscriptions() {
    return Vectors.of("subjects", "subscriptions");
  }

  @ParameterizedTest
  @MethodSource("events")
  void putsAnEventOnItsTenantAndType(JsonNode vector) {
    String tenant = UUID.randomUUID().toString();

    FlovynEvent event = FlovynEvent.read(Vectors.event(tenant, vector.get("type").asText()));

    assertEquals(vector.get("subject").asText().replace("{tenant}", tenant), Subjects.of(event));
  }

  @ParameterizedTest
  @MethodSource("streams")
  void putsAStreamEventOnItsKey(JsonNode vector) {
    String key = vector.get("key").asText();

    assertEquals(
        vector.get("subject").asText(), Subjects.of(StreamEvent.read(Vectors.streamEvent(key))));
    assertEquals(vector.get("subject").asText(), Subjects.of(new StreamKey(key)));
  }

  @ParameterizedTest
  @MethodSource("subscriptions")
  void asksForNoMoreThanIsNeeded(JsonNode vector) {
    EventPattern pattern = EventPattern.read(Vectors.pattern(vector.get("pattern")));
    String asked = Subjects.of(pattern).replace(pattern.tenantId().toString(), "{tenant}");

    boolean allowed =
        StreamSupport.stream(vector.get("allowed").spliterator(), false)
            .anyMatch(set -> set.size() == 1 && set.get(0).asText().equals(asked));

    assertTrue(allowed, () -> asked + " is none of " + vector.get("allowed"));
  }
}
