package dev.eventhook.driver.protocol;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;

/** JSON as text and as bytes. */
public final class Json {
  /** Lines have at most 4 MiB; within them the contract's own limits hold, which say it better. */
  private static final int LINE = 4 * 1024 * 1024;

  static final ObjectMapper MAPPER =
      new ObjectMapper(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(10_000)
                          .maxNameLength(LINE)
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private Json() {}

  /**
   * Reads one JSON value.
   *
   * @throws IOException if it is none
   */
  public static JsonNode read(byte[] text) throws IOException {
    return MAPPER.readTree(text);
  }

  /** The texts and integers of an object that stand before the first member of another kind. */
  static ObjectNode readHead(String text) throws IOException {
    ObjectNode head = MAPPER.createObjectNode();
    try (JsonParser parser = MAPPER.createParser(text)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        switch (parser.nextToken()) {
          case VALUE_STRING -> head.put(name, parser.getText());
          case VALUE_NUMBER_INT -> head.put(name, parser.getLongValue());
          default -> {
            return head;
          }
        }
      }
    }
    return head;
  }

  /** The event as it goes over a wire. */
  public static byte[] write(Event event) {
    try {
      return MAPPER.writeValueAsBytes(event.toJson());
    } catch (JsonProcessingException error) {
      throw new AssertionError("a tree of valid text can be written", error);
    }
  }
}
