package dev.eventhook.driver.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.eventhook.driver.Vectors;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StreamEventTest {
  private final ObjectNode wire = Vectors.streamEvent("w1");

  @Test
  void writesWhatItRead() {
    assertEquals(wire, StreamEvent.read(wire).toJson());
  }

  @ParameterizedTest
  @CsvSource({
    "workflowExecutionId, '\"\"'",
    "workflowExecutionId, '\"*\"'",
    "type, '\"token\"'",
    "type, 0",
    "sequence, '\"0\"'",
    "payload, null",
    "taskExecutionId, null"
  })
  void refusesMembersOfTheWrongShape(String member, String value) throws IOException {
    wire.set(member, Json.MAPPER.readTree(value));

    assertThrows(Refusal.class, () -> StreamEvent.read(wire));
  }

  @Test
  void isSelectedByItsKeyAlone() {
    StreamEvent event = StreamEvent.read(wire);

    assertTrue(new StreamKey("w1").admits(event));
    assertFalse(new StreamKey("W1").admits(event));
  }
}
