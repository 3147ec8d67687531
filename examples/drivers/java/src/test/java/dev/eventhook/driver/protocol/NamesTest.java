package dev.eventhook.driver.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.eventhook.driver.Vectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class NamesTest {
  static Stream<Arguments> valid() {
    return vectors("valid");
  }

  static Stream<Arguments> invalid() {
    return vectors("invalid");
  }

  private static Stream<Arguments> vectors(String member) {
    return Stream.of(Names.values())
        .flatMap(
            grammar ->
                Vectors.of(file(grammar), member)
                    .map(vector -> Arguments.of(grammar, vector.get("value"))));
  }

  private static String file(Names grammar) {
    return switch (grammar) {
      case EVENT_TYPE -> "event_types";
      case PREFIX -> "prefixes";
      case STREAM_KEY -> "stream_keys";
    };
  }

  @ParameterizedTest
  @MethodSource("valid")
  void takesWhatIsValid(Names grammar, JsonNode value) {
    assertEquals(value.textValue(), grammar.check("it", value, Refusal.INVALID_EVENT));
  }

  @ParameterizedTest
  @MethodSource("invalid")
  void refusesWhatIsNot(Names grammar, JsonNode value) {
    Refusal refusal =
        assertThrows(Refusal.class, () -> grammar.check("it", value, Refusal.INVALID_EVENT));
    assertEquals(Refusal.INVALID_EVENT, refusal.code());
  }
}
