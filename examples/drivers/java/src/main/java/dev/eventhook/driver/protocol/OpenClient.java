package dev.eventhook.driver.protocol;

import java.util.concurrent.CompletionStage;

/**
 * A client by its name, open until it is asked to close. Used by the thread that begins requests.
 */
final class OpenClient {
  private final Bus.Client client;
  private CompletionStage<Void> closing;

  OpenClient(Bus.Client client) {
    this.client = client;
  }

  Bus.Client bus() {
    return client;
  }

  boolean isClosed() {
    return closing != null;
  }

  /** Closes it; a second call waits for the same. */
  CompletionStage<Void> close() {
    if (closing == null) {
      closing = client.close();
    }
    return closing;
  }
}
