package dev.eventhook.driver.protocol;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;

/** JSON-RPC 2.0, one object a line. */
public final class Lines {
  /** What is wrong with a request for these that is no JSON is wrong with what they carry. */
  private static final Map<String, Integer> UNREADABLE =
      Map.of(
          "publish", Refusal.INVALID_EVENT,
          "publish_stream", Refusal.INVALID_EVENT,
          "subscribe", Refusal.INVALID_PATTERN,
          "subscribe_stream", Refusal.INVALID_PATTERN);

  private final Driver driver;
  private final OutputStream out;

  private Lines(Bus bus, OutputStream out) {
    this.driver = new Driver(bus);
    this.out = new BufferedOutputStream(out, 1 << 16);
  }

  /** Serves a bus on standard input and output until it is told to end, then exits with 0. */
  public static void serve(Bus bus) {
    OutputStream answers = System.out;
    // Whatever a library prints is for people.
    System.setOut(System.err);
    try {
      serve(bus, System.in, answers);
    } catch (IOException error) {
      System.err.println("the lines of the protocol broke: " + error);
      // The threads of the library would keep the process.
      System.exit(1);
    }
    bus.shutDown();
    System.exit(0);
  }

  /** Serves until the request to shut down, or the end of the input. */
  static void serve(Bus bus, InputStream in, OutputStream out) throws IOException {
    Lines lines = new Lines(bus, out);
    BufferedReader reader = new BufferedReader(new InputStreamReader(in, UTF_8));
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      JsonNode request;
      try {
        request = Json.MAPPER.readTree(line);
      } catch (JsonParseException error) {
        lines.refuse(line, error);
        continue;
      }
      lines.answer(request);
      if (request.path("method").asText().equals("shutdown")) {
        return;
      }
    }
  }

  /**
   * Refuses what Jackson does not read: a lone surrogate in a name, for one.
   *
   * @throws IOException if even the request's id cannot be told
   */
  private void refuse(String line, JsonParseException flaw) throws IOException {
    ObjectNode head = Json.readHead(line);
    Integer code = UNREADABLE.get(head.path("method").asText());
    if (code == null || !head.path("id").isIntegralNumber()) {
      throw flaw;
    }
    ObjectNode error = object().put("code", code);
    write(head, "error", error.put("message", flaw.getOriginalMessage()));
  }

  private void answer(JsonNode request) {
    CompletionStage<ObjectNode> result;
    try {
      result = driver.begin(request.path("method").asText(), request.path("params"));
    } catch (RuntimeException error) {
      write(request, "error", error(error));
      return;
    }
    result.whenComplete(
        (its, error) -> {
          if (error == null) {
            write(request, "result", its);
          } else {
            write(request, "error", error(error));
          }
        });
  }

  private static ObjectNode error(Throwable error) {
    Throwable cause = error instanceof CompletionException ? error.getCause() : error;
    if (cause instanceof Refusal refusal) {
      return object().put("code", refusal.code()).put("message", refusal.getMessage());
    }
    cause.printStackTrace();
    return object().put("code", Refusal.FAULT).put("message", cause.toString());
  }

  private void write(JsonNode request, String member, ObjectNode value) {
    ObjectNode message = object().put("jsonrpc", "2.0");
    message.set("id", request.get("id"));
    message.set(member, value);
    try {
      // As text first: messages may quote lone surrogates, which as bytes are an error.
      byte[] line = Json.MAPPER.writeValueAsString(message).concat("\n").getBytes(UTF_8);
      synchronized (out) {
        out.write(line);
        out.flush();
      }
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private static ObjectNode object() {
    return JsonNodeFactory.instance.objectNode();
  }
}
