package driver;

import java.io.IOException;
import java.util.Map;

/**
 * my-bus as a driver of the conformance suite.
 *
 * <pre>
 * mvn -q -B package
 * eventhook-conformance driver-check java -jar target/my_bus_driver.jar
 * eventhook-conformance run "driver:java -jar target/my_bus_driver.jar"
 * </pre>
 *
 * <p>{@link Bus} is what you replace: a few methods over your own client library. {@link Protocol}
 * speaks with the suite; {@link Buffer} and {@link Contract} are what a bare client library does
 * not do: a bounded buffer for each subscription, validation, filters.
 */
public final class MyBusDriver {
  static final Map<String, Object> CAPABILITIES =
      Map.of("total_order", true, "causal_order", true);

  static final Map<String, Object> ABOUT =
      Map.of(
          "protocol", 1,
          "name", "my-bus",
          "version", "1.0",
          "language", "Java",
          "capabilities", CAPABILITIES);

  private MyBusDriver() {}

  public static void main(String[] arguments) throws IOException {
    Protocol.serve();
    // The threads of a client library would keep the process.
    System.exit(0);
  }
}
