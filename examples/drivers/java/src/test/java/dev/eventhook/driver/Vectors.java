package dev.eventhook.driver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The vectors of the specification, which stand beside this project. */
public final class Vectors {
  private static final Path FIXTURES = Path.of("../../../fixtures/eventhook_fixtures");
  private static final Map<String, String> IDS = new ConcurrentHashMap<>();
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private Vectors() {}

  /** One array of a file of vectors. */
  public static Stream<JsonNode> of(String file, String member) {
    try {
      JsonNode all = MAPPER.readTree(FIXTURES.resolve(file + ".json").toFile()).get(member);
      return StreamSupport.stream(all.spliterator(), false);
    } catch (IOException error) {
      throw new AssertionError("the vectors stand in " + FIXTURES.toAbsolutePath(), error);
    }
  }

  /** The UUID that stands for a symbol of the vectors; null for null. */
  public static String id(JsonNode symbol) {
    return symbol.isNull()
        ? null
        : IDS.computeIfAbsent(symbol.asText(), its -> UUID.randomUUID().toString());
  }

  /** The wire form of a pattern of the vectors. */
  public static ObjectNode pattern(JsonNode vector) {
    ObjectNode wire =
        MAPPER
            .createObjectNode()
            .put("tenant_id", id(vector.get("tenant")))
            .put("workflow_execution_id", id(vector.get("workflow")))
            .put("task_execution_id", id(vector.get("task")));
    wire.set("event_type_prefix", vector.get("prefix"));
    wire.set("source", vector.get("source"));
    return wire;
  }

  /** The wire form of an event of a tenant, with nothing optional. */
  public static ObjectNode event(String tenant, String type) {
    return MAPPER
        .createObjectNode()
        .put("id", UUID.randomUUID().toString())
        .put("tenant_id", tenant)
        .putNull("workflow_execution_id")
        .putNull("task_execution_id")
        .put("event_type", type)
        .put("source", "test")
        .putNull("data")
        .put("timestamp_ms", 1L)
        .putNull("correlation_id");
  }

  /** The wire form of a stream event. */
  public static ObjectNode streamEvent(String key) {
    return MAPPER
        .createObjectNode()
        .put("taskExecutionId", "")
        .put("workflowExecutionId", key)
        .put("sequence", 0L)
        .put("type", "TOKEN")
        .put("payload", "Hi")
        .put("timestampMs", 1L);
  }
}
