package dev.eventhook.driver.protocol;

import static java.util.concurrent.CompletableFuture.completedFuture;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The methods of the protocol over a {@link Bus}.
 *
 * <p>{@link #begin} is called by one thread, so that requests begin in the order in which they
 * come: which clients are closed and which subscriptions are left is decided there. They finish in
 * any.
 */
final class Driver {
  private final Bus bus;
  private final Map<String, OpenClient> clients = new ConcurrentHashMap<>();
  private final Map<String, Subscription> subscriptions = new ConcurrentHashMap<>();
  private final AtomicLong names = new AtomicLong();

  Driver(Bus bus) {
    this.bus = bus;
  }

  /**
   * Starts what is asked for.
   *
   * @throws Refusal at once, or the stage fails with one
   */
  CompletionStage<ObjectNode> begin(String method, JsonNode params) {
    return switch (method) {
      case "initialize" -> completedFuture(initialize());
      case "open" -> open(Optional.ofNullable(params.path("address").textValue()));
      case "close" -> client(params).close().thenApply(nothing -> object());
      case "publish" -> {
        OpenClient client = openClient(params);
        yield publish(client, FlovynEvent.read(params.get("event")));
      }
      case "publish_stream" -> {
        OpenClient client = openClient(params);
        yield publish(client, StreamEvent.read(params.get("event")));
      }
      case "subscribe" -> {
        OpenClient client = openClient(params);
        yield subscribe(client, EventPattern.read(params.get("pattern")));
      }
      case "subscribe_stream" -> {
        OpenClient client = openClient(params);
        yield subscribe(client, StreamKey.read(params.get("workflow_execution_id")));
      }
      case "next" ->
          subscription(params)
              .next(params.path("max").asInt(1), params.path("timeout_ms").asLong());
      case "unsubscribe" -> {
        Subscription subscription = subscription(params);
        subscriptions.remove(subscription.name());
        yield subscription.leave().thenApply(nothing -> object());
      }
      case "cleanup" -> {
        openClient(params);
        // Both libraries free an address or subject with its last subscription.
        yield completedFuture(object().put("removed", 0));
      }
      case "channels" -> completedFuture(channels(openClient(params)));
      case "shutdown" -> completedFuture(object());
      default -> throw new Refusal(Refusal.UNKNOWN_METHOD, "there is no method " + method);
    };
  }

  private ObjectNode initialize() {
    Bus.About about = bus.about();
    ObjectNode result =
        object()
            .put("protocol", 1)
            .put("name", about.name())
            .put("version", about.version())
            .put("language", "Java");
    result.set("capabilities", Json.MAPPER.valueToTree(about.capabilities()));
    return result;
  }

  private CompletionStage<ObjectNode> open(Optional<String> address) {
    return bus.open(address)
        .thenApply(
            client -> {
              String name = "c" + names.incrementAndGet();
              clients.put(name, new OpenClient(client));
              return object().put("client", name);
            });
  }

  private static CompletionStage<ObjectNode> publish(OpenClient client, Event event) {
    return client.bus().publish(event).thenApply(nothing -> object());
  }

  private CompletionStage<ObjectNode> subscribe(OpenClient client, Selection selection) {
    return client
        .bus()
        .subscribe(selection)
        .thenApply(
            feed -> {
              String name = "s" + names.incrementAndGet();
              subscriptions.put(name, new Subscription(name, client, selection, feed));
              return object().put("subscription", name);
            });
  }

  private ObjectNode channels(OpenClient client) {
    return object()
        .put("events", keys(client, EventPattern.class))
        .put("streams", keys(client, StreamKey.class));
  }

  private long keys(OpenClient client, Class<? extends Selection> side) {
    return subscriptions.values().stream()
        .filter(subscription -> subscription.client() == client)
        .map(Subscription::selection)
        .filter(side::isInstance)
        .map(its -> its instanceof EventPattern pattern ? pattern.tenantId() : its)
        .distinct()
        .count();
  }

  private OpenClient client(JsonNode params) {
    return find(clients, params.path("client").asText());
  }

  private OpenClient openClient(JsonNode params) {
    OpenClient client = client(params);
    if (client.isClosed()) {
      throw new Refusal(Refusal.CLOSED, "this client was closed");
    }
    return client;
  }

  private Subscription subscription(JsonNode params) {
    return find(subscriptions, params.path("subscription").asText());
  }

  private static <T> T find(Map<String, T> held, String name) {
    T found = held.get(name);
    if (found == null) {
      throw new Refusal(Refusal.UNKNOWN_NAME, "there is no " + name);
    }
    return found;
  }

  private static ObjectNode object() {
    return JsonNodeFactory.instance.objectNode();
  }
}
