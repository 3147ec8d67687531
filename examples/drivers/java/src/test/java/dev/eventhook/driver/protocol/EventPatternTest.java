package dev.eventhook.driver.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.eventhook.driver.Vectors;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class EventPatternTest {
  static Stream<JsonNode> table() {
    return Vectors.of("patterns", "vectors");
  }

  @ParameterizedTest
  @MethodSource("table")
  void selectsAsTheTableSays(JsonNode vector) {
    JsonNode its = vector.get("event");
    ObjectNode event =
        Vectors.event(Vectors.id(its.get("tenant")), its.get("type").asText())
            .put("workflow_execution_id", Vectors.id(its.get("workflow")))
            .put("task_execution_id", Vectors.id(its.get("task")));
    event.set("source", its.get("source"));

    EventPattern pattern = EventPattern.read(Vectors.pattern(vector.get("pattern")));

    assertEquals(
        vector.get("matches").asBoolean(),
        pattern.admits(FlovynEvent.read(event)),
        vector.get("name").asText());
  }

  @Test
  void refusesAPatternWithoutATenant() {
    ObjectNode pattern = Vectors.event(UUID.randomUUID().toString(), "a.b").without("tenant_id");

    assertThrows(Refusal.class, () -> EventPattern.read(pattern));
  }
}
