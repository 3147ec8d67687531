package driver;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The methods of the protocol, and its lines of JSON-RPC on standard input and output. */
final class Protocol {
  private static final int MAX_LINE = 4 * 1024 * 1024;
  private static final Map<String, Object> NOTHING = Map.of();

  /** Within a line the contract's own limits hold, which say it better. */
  private static final ObjectMapper MAPPER =
      new ObjectMapper(
          JsonFactory.builder()
              .streamReadConstraints(
                  StreamReadConstraints.builder()
                      .maxNestingDepth(10_000)
                      .maxNameLength(MAX_LINE)
                      .build())
              .build());

  /**
   * Half a character, unless the first group matches. Where it stands in a name Jackson refuses the
   * whole line, and whose request that was would be unknown.
   */
  private static final Pattern HALF =
      Pattern.compile("(\\\\\\\\|\\\\u[dD][89abAB]..\\\\u[dD][c-fC-F]..)|\\\\u[dD][89a-fA-F]..");

  private final Map<String, Client> clients = new ConcurrentHashMap<>();
  private final Map<String, Subscription> subscriptions = new ConcurrentHashMap<>();
  private final AtomicLong names = new AtomicLong();
  private final OutputStream out;

  /** The rest of a request, which may wait. */
  private interface Rest {
    Object finish() throws IOException, InterruptedException;
  }

  private static final class Client {
    final Bus bus;
    boolean closed; // guarded by this

    Client(Bus bus) {
      this.bus = bus;
    }
  }

  /** A request, and whether it held no half of a character. */
  private record Request(JsonNode wire, boolean whole) {
    JsonNode id() {
      return wire.path("id");
    }

    String method() {
      return wire.path("method").asText();
    }

    JsonNode params() {
      return wire.path("params");
    }

    ObjectNode read(String member, int code, Map<String, Predicate<JsonNode>> form) {
      if (!whole) {
        throw new Refusal(code, "this holds half a character, which UTF-8 cannot carry");
      }
      return Contract.checked(code, params().path(member), form);
    }
  }

  private record Subscription(Client of, Buffer buffer, Bus.Attached attached) {}

  private Protocol(OutputStream out) {
    this.out = out;
  }

  /**
   * Answers requests until {@code shutdown} or the end of the input. They begin in the order in
   * which they come, and finish in any.
   */
  static void serve() throws IOException {
    Protocol protocol = new Protocol(System.out);
    // Output of libraries is for people.
    System.setOut(System.err);
    ExecutorService threads = Executors.newCachedThreadPool();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      boolean whole = HALF.matcher(line).results().allMatch(found -> found.group(1) != null);
      Request request = new Request(MAPPER.readTree(whole ? line : withoutHalves(line)), whole);
      if (request.method().equals("shutdown")) {
        protocol.write(request.id(), "result", NOTHING);
        return;
      }
      try {
        Rest rest = protocol.begin(request);
        threads.execute(() -> protocol.finish(request.id(), rest));
      } catch (Refusal refusal) {
        protocol.refuse(request.id(), refusal);
      }
    }
  }

  private static String withoutHalves(String line) {
    return HALF.matcher(line)
        .replaceAll(
            found -> Matcher.quoteReplacement(found.group(1) == null ? "\\uFFFD" : found.group()));
  }

  /** Does the part of a request that depends on the order of the lines; it never waits. */
  private Rest begin(Request request) {
    JsonNode params = request.params();
    return switch (request.method()) {
      case "initialize" -> () -> MyBusDriver.ABOUT;
      case "open" -> () -> open(params.path("address").textValue());
      case "close" -> close(find(clients, params.path("client")));
      case "publish" -> publish(request, Bus.Kind.EVENT, Contract.EVENT, "tenant_id");
      case "publish_stream" ->
          publish(request, Bus.Kind.STREAM, Contract.STREAM_EVENT, "workflowExecutionId");
      case "subscribe" -> {
        Client client = openClient(params);
        ObjectNode pattern = request.read("pattern", Refusal.INVALID_PATTERN, Contract.PATTERN);
        String tenant = pattern.get("tenant_id").textValue();
        yield () ->
            attach(client, Bus.Kind.EVENT, tenant, event -> Contract.matches(pattern, event));
      }
      case "subscribe_stream" -> {
        Client client = openClient(params);
        JsonNode key = params.path("workflow_execution_id");
        if (!Contract.isKey(key)) {
          throw new Refusal(Refusal.INVALID_PATTERN, key + " is no stream's key");
        }
        yield () -> attach(client, Bus.Kind.STREAM, key.textValue(), event -> true);
      }
      case "next" -> {
        Buffer buffer = find(subscriptions, params.path("subscription")).buffer();
        int most = params.path("max").asInt(1);
        yield () -> buffer.next(most, params.path("timeout_ms").asLong());
      }
      case "unsubscribe" -> {
        Subscription held = find(subscriptions, params.path("subscription"));
        subscriptions.remove(params.path("subscription").asText());
        held.buffer().end(true);
        yield () -> {
          held.attached().detach();
          return NOTHING;
        };
      }
      case "cleanup" -> {
        countingClient(params);
        yield () -> Map.of("removed", 0);
      }
      case "channels" -> {
        Bus bus = countingClient(params).bus;
        yield () ->
            Map.of(
                "events", bus.channels(Bus.Kind.EVENT), "streams", bus.channels(Bus.Kind.STREAM));
      }
      default -> throw new Refusal(Refusal.UNKNOWN_METHOD, "there is no " + request.method());
    };
  }

  /** An open client, where the capabilities claim that channels are counted. */
  private Client countingClient(JsonNode params) {
    Client client = openClient(params);
    if (Boolean.FALSE.equals(MyBusDriver.CAPABILITIES.get("introspection"))) {
      throw new Refusal(
          Refusal.UNKNOWN_METHOD, "not supported: introspection is not claimed");
    }
    return client;
  }

  private Object open(String address) throws IOException {
    String name = "c" + names.incrementAndGet();
    clients.put(name, new Client(Bus.open(address)));
    return Map.of("client", name);
  }

  private Rest close(Client client) {
    synchronized (client) {
      if (client.closed) {
        return () -> NOTHING;
      }
      client.closed = true;
    }
    return () -> {
      List<Subscription> its =
          subscriptions.values().stream().filter(held -> held.of() == client).toList();
      its.forEach(held -> held.buffer().end(false));
      try {
        for (Subscription held : its) {
          held.attached().detach();
        }
      } finally {
        client.bus.disconnect();
      }
      return NOTHING;
    };
  }

  private Rest publish(
      Request request, Bus.Kind kind, Map<String, Predicate<JsonNode>> form, String key) {
    Client client = openClient(request.params());
    ObjectNode event = request.read("event", Refusal.INVALID_EVENT, form);
    return () -> {
      byte[] body = MAPPER.writeValueAsBytes(event);
      try {
        client.bus.send(kind, event.get(key).textValue(), body);
      } catch (IOException error) {
        throw new Refusal(Refusal.PUBLISH_FAILED, error.toString());
      }
      return NOTHING;
    };
  }

  private Object attach(Client client, Bus.Kind kind, String key, Predicate<JsonNode> admits)
      throws IOException {
    Buffer buffer = new Buffer(kind.capacity);
    Consumer<byte[]> sink =
        body -> {
          String event = new String(body, UTF_8);
          if (admits.test(read(event))) {
            buffer.put(event);
          }
        };
    Bus.Attached attached;
    try {
      attached = client.bus.attach(kind, key, sink);
    } catch (IOException error) {
      throw new Refusal(Refusal.SUBSCRIBE_FAILED, error.toString());
    }
    synchronized (client) {
      if (!client.closed) {
        String name = "s" + names.incrementAndGet();
        subscriptions.put(name, new Subscription(client, buffer, attached));
        return Map.of("subscription", name);
      }
    }
    attached.detach();
    throw new Refusal(Refusal.CLOSED, "the client was closed");
  }

  private Client openClient(JsonNode params) {
    Client client = find(clients, params.path("client"));
    synchronized (client) {
      if (client.closed) {
        throw new Refusal(Refusal.CLOSED, params.path("client").asText() + " was closed");
      }
    }
    return client;
  }

  private static <T> T find(Map<String, T> held, JsonNode name) {
    T found = held.get(name.asText());
    if (found == null) {
      throw new Refusal(Refusal.UNKNOWN_NAME, "there is no " + name);
    }
    return found;
  }

  private static JsonNode read(String event) {
    try {
      return MAPPER.readTree(event);
    } catch (JsonProcessingException error) {
      throw new UncheckedIOException(error);
    }
  }

  private void finish(JsonNode id, Rest rest) {
    try {
      write(id, "result", rest.finish());
    } catch (Refusal refusal) {
      refuse(id, refusal);
    } catch (Exception error) {
      refuse(id, new Refusal(Refusal.FAULT, error.toString()));
    }
  }

  private void refuse(JsonNode id, Refusal refusal) {
    write(id, "error", Map.of("code", refusal.code, "message", refusal.getMessage()));
  }

  private void write(JsonNode id, String member, Object value) {
    try {
      String line = MAPPER.writeValueAsString(Map.of("jsonrpc", "2.0", "id", id, member, value));
      synchronized (out) {
        out.write((line + "\n").getBytes(UTF_8));
        out.flush();
      }
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
