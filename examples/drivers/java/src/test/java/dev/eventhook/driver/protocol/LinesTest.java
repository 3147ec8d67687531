package dev.eventhook.driver.protocol;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;

class LinesTest {
  @Test
  void answersWhoItIs() throws IOException {
    JsonNode result = session(request(1, "initialize", "{}")).get(0).get("result");

    assertEquals("none", result.get("name").asText());
    assertEquals(3, result.get("capabilities").get("event_capacity").asInt());
  }

  @Test
  void saysWhichErrorItIs() throws IOException {
    List<JsonNode> answers =
        session(request(1, "dance", "{}"), request(2, "next", "{\"subscription\":\"s1\"}"));

    assertEquals(Refusal.UNKNOWN_METHOD, answers.get(0).get("error").get("code").asInt());
    assertEquals(Refusal.UNKNOWN_NAME, answers.get(1).get("error").get("code").asInt());
  }

  @Test
  void closesOnceAndRefusesThenBeforeItLooksAtAnythingElse() throws IOException {
    List<JsonNode> answers =
        session(
            request(1, "open", "{\"address\":null}"),
            request(2, "close", "{\"client\":\"c1\"}"),
            request(3, "close", "{\"client\":\"c1\"}"),
            request(4, "publish", "{\"client\":\"c1\",\"event\":7}"));

    assertEquals("c1", answers.get(0).get("result").get("client").asText());
    assertEquals(0, answers.get(2).get("result").size());
    assertEquals(Refusal.CLOSED, answers.get(3).get("error").get("code").asInt());
  }

  @Test
  void refusesAnEventThatJacksonDoesNotRead() throws IOException {
    String event = "{\"client\":\"c1\",\"event\":{\"data\":{\"\\ud800\":1}}}";

    List<JsonNode> answers = session(request(7, "publish", event), request(8, "initialize", "{}"));

    assertEquals(7, answers.get(0).get("id").asInt());
    assertEquals(Refusal.INVALID_EVENT, answers.get(0).get("error").get("code").asInt());
    assertEquals(8, answers.get(1).get("id").asInt());
  }

  @Test
  void breaksOffAtALineThatCannotBeAnswered() {
    assertThrows(IOException.class, () -> session("{\"params\":{\"\\ud800\":1},\"id\":1}"));
  }

  @Test
  void endsWhenItIsToldTo() throws IOException {
    assertEquals(1, session(request(1, "shutdown", "{}"), "never read").size());
  }

  private static String request(int id, String method, String params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":%s}"
        .formatted(id, method, params);
  }

  private static List<JsonNode> session(String... lines) throws IOException {
    byte[] input = String.join("\n", lines).getBytes(UTF_8);
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    Lines.serve(new NoBus(), new ByteArrayInputStream(input), output);
    List<JsonNode> answers = new ArrayList<>();
    for (String line : output.toString(UTF_8).split("\n")) {
      answers.add(Json.MAPPER.readTree(line));
    }
    return answers;
  }

  /** Opens and closes, once. */
  private static final class NoBus implements Bus, Bus.Client {
    private boolean closed;

    @Override
    public About about() {
      return new About("none", "1", Map.of("event_capacity", 3));
    }

    @Override
    public CompletionStage<Client> open(Optional<String> address) {
      return CompletableFuture.completedFuture(this);
    }

    @Override
    public void shutDown() {}

    @Override
    public CompletionStage<Void> publish(Event event) {
      throw new AssertionError("nothing valid is published here");
    }

    @Override
    public CompletionStage<Feed> subscribe(Selection selection) {
      throw new AssertionError("nobody subscribes here");
    }

    @Override
    public CompletionStage<Void> close() {
      if (closed) {
        throw new AssertionError("closed twice");
      }
      closed = true;
      return CompletableFuture.completedFuture(null);
    }
  }
}
