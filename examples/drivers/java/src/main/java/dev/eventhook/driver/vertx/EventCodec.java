package dev.eventhook.driver.vertx;

import dev.eventhook.driver.protocol.Event;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.MessageCodec;

/** Hands immutable events over as they are; the bus is not clustered. */
final class EventCodec implements MessageCodec<Event, Event> {
  static final EventCodec INSTANCE = new EventCodec();
  static final String NAME = "event";

  private EventCodec() {}

  @Override
  public Event transform(Event event) {
    return event;
  }

  @Override
  public void encodeToWire(Buffer buffer, Event event) {
    throw new UnsupportedOperationException("this bus is of one process");
  }

  @Override
  public Event decodeFromWire(int position, Buffer buffer) {
    throw new UnsupportedOperationException("this bus is of one process");
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public byte systemCodecID() {
    return -1;
  }
}
