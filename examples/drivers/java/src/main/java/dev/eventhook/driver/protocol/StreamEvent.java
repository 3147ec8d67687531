package dev.eventhook.driver.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** A token, progress, data or error of a running workflow. */
public record StreamEvent(
    String taskExecutionId,
    String workflowExecutionId,
    long sequence,
    Type type,
    String payload,
    long timestampMs)
    implements Event {

  /** What a stream event carries; its names are those of the wire form. */
  public enum Type {
    TOKEN,
    PROGRESS,
    DATA,
    ERROR
  }

  /**
   * Reads the wire form; unknown members are ignored.
   *
   * @throws Refusal if it is no valid event
   */
  public static StreamEvent read(JsonNode wire) {
    Members members = new Members(wire, Refusal.INVALID_EVENT);
    return new StreamEvent(
        members.text("taskExecutionId"),
        members.name("workflowExecutionId", Names.STREAM_KEY),
        members.integer("sequence"),
        members.constant("type", Type.class),
        members.text("payload"),
        members.integer("timestampMs"));
  }

  @Override
  public ObjectNode toJson() {
    return JsonNodeFactory.instance
        .objectNode()
        .put("taskExecutionId", taskExecutionId)
        .put("workflowExecutionId", workflowExecutionId)
        .put("sequence", sequence)
        .put("type", type.name())
        .put("payload", payload)
        .put("timestampMs", timestampMs);
  }
}
