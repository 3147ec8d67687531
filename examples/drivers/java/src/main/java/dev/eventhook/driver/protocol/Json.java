package dev.eventhook.driver.protocol;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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

  /** The event as it goes over a wire. */
  public static byte[] write(Event event) {
    try {
      return MAPPER.writeValueAsBytes(event.toJson());
    } catch (JsonProcessingException error) {
      throw new AssertionError("a tree of valid text can be written", error);
    }
  }
}
