package dev.eventhook.driver.protocol;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** What is published: valid by construction, and immutable. */
public sealed interface Event permits FlovynEvent, StreamEvent {
  /** The wire form: all members, absent ones as null. */
  ObjectNode toJson();
}
