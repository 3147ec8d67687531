package dev.eventhook.driver.protocol;

import com.fasterxml.jackson.databind.JsonNode;

/** All stream events of one workflow, or of one standalone task. */
public record StreamKey(String key) implements Selection {
  /**
   * Reads a key.
   *
   * @throws Refusal if it is none
   */
  public static StreamKey read(JsonNode key) {
    return new StreamKey(
        Names.STREAM_KEY.check("workflow_execution_id", key, Refusal.INVALID_PATTERN));
  }

  @Override
  public boolean admits(Event event) {
    return event instanceof StreamEvent stream && stream.workflowExecutionId().equals(key);
  }
}
