package dev.eventhook.driver.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.regex.Pattern;

/** The grammar of names. They become parts of subjects, where dots and wildcards have a meaning. */
enum Names {
  EVENT_TYPE("[A-Za-z0-9_-]+(?:\\.[A-Za-z0-9_-]+)+", "two or more tokens joined by dots"),
  PREFIX("[A-Za-z0-9_-]+(?:\\.[A-Za-z0-9_-]+)*", "one or more tokens joined by dots"),
  STREAM_KEY("[A-Za-z0-9_-]+", "one token");

  private static final int MAX_BYTES = 255;

  private final Pattern form;
  private final String right;

  Names(String form, String right) {
    this.form = Pattern.compile(form);
    this.right = right;
  }

  String check(String member, JsonNode value, int code) {
    // The length first: the expression recurses once for each token. All it admits is ASCII.
    if (value != null
        && value.isTextual()
        && value.textValue().length() <= MAX_BYTES
        && form.matcher(value.textValue()).matches()) {
      return value.textValue();
    }
    throw Members.wrong(
        code, member, value, right + " of [A-Za-z0-9_-]+, at most " + MAX_BYTES + " bytes");
  }
}
