package dev.eventhook.driver.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Iterator;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;

/** Reads members of a JSON object strictly: what is not as the contract says is refused. */
final class Members {
  private static final long MAX_INTEGER = (1L << 53) - 1;
  private static final int MAX_DEPTH = 128;
  private static final int MAX_SHOWN = 100;

  // UUID.fromString takes "1-1-1-1-1" too.
  private static final Pattern UUID_FORM =
      Pattern.compile("\\p{XDigit}{8}(?:-\\p{XDigit}{4}){3}-\\p{XDigit}{12}");

  private final JsonNode wire;
  private final int code;

  Members(JsonNode wire, int code) {
    if (wire == null || !wire.isObject()) {
      throw wrong(code, "it", wire, "an object");
    }
    this.wire = wire;
    this.code = code;
  }

  UUID uuid(String member) {
    JsonNode value = wire.get(member);
    if (value == null || !value.isTextual() || !UUID_FORM.matcher(value.textValue()).matches()) {
      throw wrong(code, member, value, "a UUID");
    }
    return UUID.fromString(value.textValue());
  }

  Optional<UUID> optionalUuid(String member) {
    return wire.hasNonNull(member) ? Optional.of(uuid(member)) : Optional.empty();
  }

  String text(String member) {
    JsonNode value = wire.get(member);
    if (value == null || !value.isTextual() || hasLoneSurrogate(value.textValue())) {
      throw wrong(code, member, value, "text without lone surrogates");
    }
    return value.textValue();
  }

  Optional<String> optionalText(String member) {
    return wire.hasNonNull(member) ? Optional.of(text(member)) : Optional.empty();
  }

  String name(String member, Names grammar) {
    return grammar.check(member, wire.get(member), code);
  }

  Optional<String> optionalName(String member, Names grammar) {
    return wire.hasNonNull(member) ? Optional.of(name(member, grammar)) : Optional.empty();
  }

  long integer(String member) {
    JsonNode value = wire.get(member);
    if (value == null || !isWhole(value) || !isExact(value)) {
      throw wrong(code, member, value, "an integer within ±(2^53-1)");
    }
    return value.longValue();
  }

  <E extends Enum<E>> E constant(String member, Class<E> kind) {
    for (E constant : kind.getEnumConstants()) {
      if (wire.path(member).isTextual() && wire.get(member).textValue().equals(constant.name())) {
        return constant;
      }
    }
    throw wrong(code, member, wire.get(member), "a " + kind.getSimpleName() + " in capitals");
  }

  JsonNode json(String member) {
    JsonNode value = wire.get(member);
    if (value == null || !isJson(value, 0)) {
      throw wrong(
          code, member, value, "a JSON value without lone surrogates or integers past 2^53-1");
    }
    return value;
  }

  static Refusal wrong(int code, String member, JsonNode value, String right) {
    return new Refusal(code, member + " is " + shown(value) + "; expected " + right);
  }

  private static String shown(JsonNode value) {
    if (value == null) {
      return "missing";
    }
    if (value.isContainerNode()) {
      // It may be nested deeper than Jackson writes.
      return value.isArray() ? "this array" : "this object";
    }
    String text = value.toString();
    return text.length() > MAX_SHOWN ? text.substring(0, MAX_SHOWN) + "…" : text;
  }

  private static boolean isJson(JsonNode value, int depth) {
    if (value.isContainerNode()) {
      if (depth == MAX_DEPTH) {
        return false;
      }
      for (Iterator<String> names = value.fieldNames(); names.hasNext(); ) {
        if (hasLoneSurrogate(names.next())) {
          return false;
        }
      }
      for (JsonNode item : value) {
        if (!isJson(item, depth + 1)) {
          return false;
        }
      }
      return true;
    }
    return value.isTextual() ? !hasLoneSurrogate(value.textValue()) : isExact(value);
  }

  /** JSON has one kind of number: a writer may send an integer as 1.0. */
  private static boolean isWhole(JsonNode value) {
    return value.isIntegralNumber()
        || value.isDouble() && value.doubleValue() == Math.rint(value.doubleValue());
  }

  private static boolean isExact(JsonNode value) {
    if (value.isIntegralNumber()) {
      return value.canConvertToLong() && Math.abs(value.longValue()) <= MAX_INTEGER;
    }
    return !value.isNumber() || Double.isFinite(value.doubleValue());
  }

  private static boolean hasLoneSurrogate(String text) {
    return text.codePoints()
        .anyMatch(point -> point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE);
  }
}
