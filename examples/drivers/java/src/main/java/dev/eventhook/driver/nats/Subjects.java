package dev.eventhook.driver.nats;

import dev.eventhook.driver.protocol.Event;
import dev.eventhook.driver.protocol.EventPattern;
import dev.eventhook.driver.protocol.FlovynEvent;
import dev.eventhook.driver.protocol.Selection;
import dev.eventhook.driver.protocol.StreamEvent;
import dev.eventhook.driver.protocol.StreamKey;

/** The mapping to subjects. Validated names hold nothing that NATS would take for a wildcard. */
final class Subjects {
  private static final String EVENTS = "flovyn.events.";
  private static final String STREAMS = "flovyn.streams.workflow.";

  private Subjects() {}

  /** What an event is published on. */
  static String of(Event event) {
    if (event instanceof StreamEvent stream) {
      return STREAMS + stream.workflowExecutionId();
    }
    FlovynEvent its = (FlovynEvent) event;
    return EVENTS + its.tenantId() + "." + its.eventType();
  }

  /**
   * What a subscription asks the server for.
   *
   * <p>A prefix of several tokens would need two subjects, its own and its descendants', between
   * which publisher order is lost. It asks for its category.
   */
  static String of(Selection selection) {
    if (selection instanceof StreamKey stream) {
      return STREAMS + stream.key();
    }
    EventPattern pattern = (EventPattern) selection;
    String category =
        pattern.eventTypePrefix().map(prefix -> prefix.split("\\.", 2)[0] + ".").orElse("");
    return EVENTS + pattern.tenantId() + "." + category + ">";
  }
}
