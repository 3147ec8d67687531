package dev.eventhook.driver.protocol;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** A subscription by its name: a feed whose answers fit into lines. */
final class Subscription {
  /** A line has at most 4 MiB; this leaves room for what stands around the events. */
  private static final int ROOM = 4 * 1024 * 1024 - 1024;

  private final String name;
  private final OpenClient client;
  private final Selection selection;
  private final Bus.Feed feed;

  /** What was taken and did not fit. */
  private final Deque<Event> surplus = new ArrayDeque<>();

  Subscription(String name, OpenClient client, Selection selection, Bus.Feed feed) {
    this.name = name;
    this.client = client;
    this.selection = selection;
    this.feed = feed;
  }

  String name() {
    return name;
  }

  OpenClient client() {
    return client;
  }

  Selection selection() {
    return selection;
  }

  CompletionStage<ObjectNode> next(int max, long timeoutMs) {
    synchronized (surplus) {
      if (!surplus.isEmpty()) {
        Bus.Batch rest = new Bus.Batch(List.of(), false, OptionalLong.empty());
        return CompletableFuture.completedFuture(answer(rest, max));
      }
    }
    return feed.next(max, timeoutMs).thenApply(batch -> answer(batch, max));
  }

  CompletionStage<Void> leave() {
    return feed.leave();
  }

  private ObjectNode answer(Bus.Batch batch, int max) {
    ArrayNode events = JsonNodeFactory.instance.arrayNode();
    synchronized (surplus) {
      surplus.addAll(batch.events());
      long room = ROOM;
      while (!surplus.isEmpty() && events.size() < max) {
        room -= Json.write(surplus.peek()).length;
        if (room < 0 && !events.isEmpty()) {
          break;
        }
        events.add(surplus.poll().toJson());
      }
    }
    ObjectNode answer = JsonNodeFactory.instance.objectNode();
    answer.set("events", events);
    answer.put("ended", batch.ended());
    return batch.dropped().isPresent()
        ? answer.put("dropped", batch.dropped().getAsLong())
        : answer.putNull("dropped");
  }
}
