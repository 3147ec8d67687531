package dev.eventhook.driver.protocol;

/** A request is answered with an error of the protocol; everything else thrown is a fault. */
public final class Refusal extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public static final int INVALID_EVENT = -32001;
  public static final int INVALID_PATTERN = -32002;
  public static final int PUBLISH_FAILED = -32003;
  public static final int CLOSED = -32004;
  public static final int SUBSCRIBE_FAILED = -32005;
  public static final int SUBSCRIPTION_LOST = -32006;
  public static final int UNKNOWN_METHOD = -32601;
  public static final int UNKNOWN_NAME = -32602;
  public static final int FAULT = -32603;

  private final int code;

  public Refusal(int code, String message) {
    super(message);
    this.code = code;
  }

  public Refusal(int code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  public int code() {
    return code;
  }
}
