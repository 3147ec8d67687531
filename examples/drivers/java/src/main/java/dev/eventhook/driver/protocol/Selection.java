package dev.eventhook.driver.protocol;

/** What a subscription asks for. */
public sealed interface Selection permits EventPattern, StreamKey {
  boolean admits(Event event);
}
