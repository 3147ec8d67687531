package dev.eventhook.driver.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.eventhook.driver.Vectors;
import java.io.IOException;
import java.util.Locale;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FlovynEventTest {
  private final ObjectNode wire = Vectors.event(UUID.randomUUID().toString(), "task.created");

  @Test
  void writesWhatItRead() {
    assertEquals(wire, FlovynEvent.read(wire).toJson());
  }

  @Test
  void readsWhatOthersWrite() {
    ObjectNode theirs = wire.deepCopy().put("newer", 2);
    theirs.remove("correlation_id");
    theirs.put("id", wire.get("id").textValue().toUpperCase(Locale.ROOT));

    assertEquals(wire, FlovynEvent.read(theirs).toJson());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "false",
        "0",
        "\"\"",
        "{}",
        "[]",
        "0.1",
        "1e22",
        "5e-324",
        "-0.0",
        "9007199254740991",
        "\"\\u0000\\u2028\\ud83d\\ude00\"",
        "{\"a.b c\":{\"\":[1]}}"
      })
  void keepsData(String data) throws IOException {
    wire.set("data", Json.MAPPER.readTree(data));

    JsonNode again = Json.read(Json.write(FlovynEvent.read(wire)));

    assertEquals(wire.get("data"), again.get("data"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "9007199254740992",
        "-9007199254740992",
        "123456789012345678901234567890",
        "1e400",
        "\"\\ud800\"",
        "[{\"a\":\"\\udc00x\"}]"
      })
  void refusesDataThatNotEveryReaderKeeps(String data) throws IOException {
    wire.set("data", Json.MAPPER.readTree(data));

    assertRefused("data");
  }

  @Test
  void refusesDataNestedWithoutEnd() throws IOException {
    wire.set("data", Json.MAPPER.readTree("[".repeat(5000) + "]".repeat(5000)));

    assertRefused("data");
  }

  @ParameterizedTest
  @CsvSource({
    "id, 7",
    "id, '\"1-1-1-1-1\"'",
    "tenant_id, null",
    "workflow_execution_id, '\"no\"'",
    "event_type, '\"one\"'",
    "source, null",
    "source, '\"\\ud800\"'",
    "timestamp_ms, 1.5",
    "timestamp_ms, true",
    "timestamp_ms, 9007199254740992",
    "correlation_id, 1"
  })
  void refusesMembersOfTheWrongShape(String member, String value) throws IOException {
    wire.set(member, Json.MAPPER.readTree(value));

    assertRefused(member);
  }

  @ParameterizedTest
  @ValueSource(strings = {"id", "tenant_id", "event_type", "source", "data", "timestamp_ms"})
  void refusesWhatLacksAMember(String member) {
    wire.remove(member);

    assertRefused(member);
  }

  private void assertRefused(String member) {
    Refusal refusal = assertThrows(Refusal.class, () -> FlovynEvent.read(wire));
    assertEquals(Refusal.INVALID_EVENT, refusal.code());
    assertTrue(refusal.getMessage().startsWith(member + " is "), refusal.getMessage());
  }
}
