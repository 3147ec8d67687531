package dev.eventhook.driver.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;
import java.util.UUID;

/** A lifecycle event of one tenant. */
public record FlovynEvent(
    UUID id,
    UUID tenantId,
    Optional<UUID> workflowExecutionId,
    Optional<UUID> taskExecutionId,
    String eventType,
    String source,
    JsonNode data,
    long timestampMs,
    Optional<String> correlationId)
    implements Event {

  /**
   * Reads the wire form; unknown members are ignored, and missing optionals are absent.
   *
   * @throws Refusal if it is no valid event
   */
  public static FlovynEvent read(JsonNode wire) {
    Members members = new Members(wire, Refusal.INVALID_EVENT);
    return new FlovynEvent(
        members.uuid("id"),
        members.uuid("tenant_id"),
        members.optionalUuid("workflow_execution_id"),
        members.optionalUuid("task_execution_id"),
        members.name("event_type", Names.EVENT_TYPE),
        members.text("source"),
        members.json("data"),
        members.integer("timestamp_ms"),
        members.optionalText("correlation_id"));
  }

  @Override
  public ObjectNode toJson() {
    ObjectNode wire =
        JsonNodeFactory.instance
            .objectNode()
            .put("id", id.toString())
            .put("tenant_id", tenantId.toString())
            .put("workflow_execution_id", text(workflowExecutionId))
            .put("task_execution_id", text(taskExecutionId))
            .put("event_type", eventType)
            .put("source", source);
    wire.set("data", data);
    return wire.put("timestamp_ms", timestampMs).put("correlation_id", correlationId.orElse(null));
  }

  private static String text(Optional<UUID> id) {
    return id.map(UUID::toString).orElse(null);
  }
}
