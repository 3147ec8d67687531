package driver;

/** An error of the protocol. */
final class Refusal extends RuntimeException {
  private static final long serialVersionUID = 1L;

  static final int INVALID_EVENT = -32001;
  static final int INVALID_PATTERN = -32002;
  static final int PUBLISH_FAILED = -32003;
  static final int CLOSED = -32004;
  static final int SUBSCRIBE_FAILED = -32005;
  static final int UNKNOWN_METHOD = -32601;
  static final int UNKNOWN_NAME = -32602;
  static final int FAULT = -32603;

  final int code;

  Refusal(int code, String message) {
    super(message);
    this.code = code;
  }
}
