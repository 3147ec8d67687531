package dev.eventhook.driver.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;
import java.util.UUID;

/** The events of a tenant that agree with every filter that is set. */
public record EventPattern(
    UUID tenantId,
    Optional<UUID> workflowExecutionId,
    Optional<UUID> taskExecutionId,
    Optional<String> eventTypePrefix,
    Optional<String> source)
    implements Selection {

  /**
   * Reads the wire form; unknown members are ignored, and missing filters are not set.
   *
   * @throws Refusal if it is no valid pattern
   */
  public static EventPattern read(JsonNode wire) {
    Members members = new Members(wire, Refusal.INVALID_PATTERN);
    return new EventPattern(
        members.uuid("tenant_id"),
        members.optionalUuid("workflow_execution_id"),
        members.optionalUuid("task_execution_id"),
        members.optionalName("event_type_prefix", Names.PREFIX),
        members.optionalText("source"));
  }

  @Override
  public boolean admits(Event event) {
    return event instanceof FlovynEvent its
        && its.tenantId().equals(tenantId)
        && (workflowExecutionId.isEmpty() || workflowExecutionId.equals(its.workflowExecutionId()))
        && (taskExecutionId.isEmpty() || taskExecutionId.equals(its.taskExecutionId()))
        && (source.isEmpty() || source.get().equals(its.source()))
        && (eventTypePrefix.isEmpty()
            || (its.eventType() + ".").startsWith(eventTypePrefix.get() + "."));
  }
}
