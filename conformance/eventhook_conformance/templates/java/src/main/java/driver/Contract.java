package driver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;

/** Checks events and patterns by the contract. */
final class Contract {
  private static final long MAX_INTEGER = (1L << 53) - 1;
  private static final int MAX_NAME = 255;
  private static final int MAX_DEPTH = 128;
  private static final int MAX_SHOWN = 200;

  private static final Pattern KEY = Pattern.compile("[A-Za-z0-9_-]+");
  private static final Pattern PREFIX = Pattern.compile("[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*");
  private static final Pattern EVENT_TYPE = Pattern.compile("[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)+");
  private static final Pattern UUID =
      Pattern.compile("\\p{XDigit}{8}(-\\p{XDigit}{4}){3}-\\p{XDigit}{12}");
  private static final Pattern STREAM_TYPE = Pattern.compile("TOKEN|PROGRESS|DATA|ERROR");

  private static final Set<String> IDS =
      Set.of("id", "tenant_id", "workflow_execution_id", "task_execution_id");
  private static final List<String> EQUAL =
      List.of("tenant_id", "workflow_execution_id", "task_execution_id", "source");

  /** Says of each member that is read whether it is as it should be; an absent one is null. */
  static final Map<String, Predicate<JsonNode>> EVENT =
      Map.of(
          "id",
          Contract::isUuid,
          "tenant_id",
          Contract::isUuid,
          "workflow_execution_id",
          orAbsent(Contract::isUuid),
          "task_execution_id",
          orAbsent(Contract::isUuid),
          "event_type",
          its -> isName(its, EVENT_TYPE),
          "source",
          JsonNode::isTextual,
          "data",
          its -> isJson(its, 0),
          "timestamp_ms",
          Contract::isInteger,
          "correlation_id",
          orAbsent(JsonNode::isTextual));

  static final Map<String, Predicate<JsonNode>> STREAM_EVENT =
      Map.of(
          "taskExecutionId", JsonNode::isTextual,
          "workflowExecutionId", Contract::isKey,
          "sequence", Contract::isInteger,
          "type", its -> isName(its, STREAM_TYPE),
          "payload", JsonNode::isTextual,
          "timestampMs", Contract::isInteger);

  static final Map<String, Predicate<JsonNode>> PATTERN =
      Map.of(
          "tenant_id", Contract::isUuid,
          "workflow_execution_id", orAbsent(Contract::isUuid),
          "task_execution_id", orAbsent(Contract::isUuid),
          "event_type_prefix", orAbsent(its -> isName(its, PREFIX)),
          "source", orAbsent(JsonNode::isTextual));

  private Contract() {}

  /** The members that are named, each as it should be; absent ones as null. */
  static ObjectNode checked(int code, JsonNode wire, Map<String, Predicate<JsonNode>> form) {
    ObjectNode found = JsonNodeFactory.instance.objectNode();
    form.forEach(
        (name, holds) -> {
          JsonNode its = wire.path(name);
          if (!holds.test(its)) {
            throw new Refusal(code, name + " is " + shown(its) + ", which is not valid");
          }
          if (its.isTextual() && IDS.contains(name)) {
            its = TextNode.valueOf(its.textValue().toLowerCase(Locale.ROOT));
          }
          found.set(name, its.isMissingNode() ? null : its);
        });
    return found;
  }

  static boolean matches(ObjectNode pattern, JsonNode event) {
    JsonNode prefix = pattern.get("event_type_prefix");
    if (!prefix.isNull()
        && !(event.path("event_type").asText() + ".").startsWith(prefix.textValue() + ".")) {
      return false;
    }
    return EQUAL.stream()
        .allMatch(name -> pattern.get(name).isNull() || pattern.get(name).equals(event.path(name)));
  }

  static boolean isKey(JsonNode its) {
    return isName(its, KEY);
  }

  private static boolean isName(JsonNode its, Pattern form) {
    // The length first: the expression recurses once for each token.
    return its.isTextual()
        && its.textValue().length() <= MAX_NAME
        && form.matcher(its.textValue()).matches();
  }

  private static boolean isUuid(JsonNode its) {
    return isName(its, UUID);
  }

  /** JSON has one kind of number: a writer may send an integer as 1.0. */
  private static boolean isInteger(JsonNode its) {
    return its.isNumber()
        && its.doubleValue() == Math.rint(its.doubleValue())
        && Math.abs(its.doubleValue()) <= MAX_INTEGER;
  }

  private static boolean isJson(JsonNode its, int depth) {
    if (its.isContainerNode()) {
      return depth < MAX_DEPTH
          && StreamSupport.stream(its.spliterator(), false).allMatch(one -> isJson(one, depth + 1));
    }
    if (its.isIntegralNumber()) {
      return isInteger(its);
    }
    return !its.isMissingNode() && (!its.isNumber() || Double.isFinite(its.doubleValue()));
  }

  private static Predicate<JsonNode> orAbsent(Predicate<JsonNode> holds) {
    return its -> its.isMissingNode() || its.isNull() || holds.test(its);
  }

  private static String shown(JsonNode its) {
    // Arrays and objects may be nested deeper than Jackson writes.
    String text = its.isContainerNode() ? its.getNodeType().toString() : its.toString();
    return text.length() > MAX_SHOWN ? text.substring(0, MAX_SHOWN) : text;
  }
}
