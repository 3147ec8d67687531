package dev.eventhook.driver.vertx;

import dev.eventhook.driver.protocol.Bus;
import dev.eventhook.driver.protocol.Event;
import dev.eventhook.driver.protocol.EventPattern;
import dev.eventhook.driver.protocol.FlovynEvent;
import dev.eventhook.driver.protocol.Selection;
import dev.eventhook.driver.protocol.StreamEvent;
import dev.eventhook.driver.protocol.StreamKey;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.MessageConsumerOptions;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** A verticle that publishes and consumes. All it does happens on its context, in order. */
final class VertxClient extends VerticleBase implements Bus.Client {
  private static final DeliveryOptions AS_IT_IS =
      new DeliveryOptions().setCodecName(EventCodec.NAME).setLocalOnly(true);

  private final Set<VertxFeed> feeds = new HashSet<>();

  @Override
  public CompletionStage<Void> publish(Event event) {
    return onContext(
        () -> {
          vertx.eventBus().publish(address(event), event, AS_IT_IS);
          return Future.succeededFuture();
        });
  }

  @Override
  public CompletionStage<Bus.Feed> subscribe(Selection selection) {
    return onContext(
        () -> {
          MessageConsumerOptions options =
              new MessageConsumerOptions()
                  .setAddress(address(selection))
                  .setLocalOnly(true)
                  .setMaxBufferedMessages(
                      selection instanceof StreamKey
                          ? VertxDriver.STREAM_CAPACITY
                          : VertxDriver.EVENT_CAPACITY);
          VertxFeed feed = new VertxFeed(this, vertx.eventBus().consumer(options), selection);
          feeds.add(feed);
          return feed.start().map(feed);
        });
  }

  @Override
  public CompletionStage<Void> close() {
    return onContext(
        () ->
            Future.all(feeds.stream().map(VertxFeed::finish).toList())
                .compose(ended -> vertx.undeploy(deploymentID())));
  }

  void forget(VertxFeed feed) {
    feeds.remove(feed);
  }

  /** Runs on the context after all that is there to run, and completes with what it makes. */
  <T> CompletionStage<T> onContext(Supplier<Future<T>> work) {
    Promise<T> promise = Promise.promise();
    context.runOnContext(
        nothing -> Future.succeededFuture().compose(now -> work.get()).onComplete(promise));
    return promise.future().toCompletionStage();
  }

  void later(Runnable work) {
    context.runOnContext(nothing -> work.run());
  }

  long after(long milliseconds, Runnable work) {
    return vertx.setTimer(milliseconds, id -> work.run());
  }

  void cancel(long timer) {
    vertx.cancelTimer(timer);
  }

  private static String address(Event event) {
    if (event instanceof StreamEvent stream) {
      return "streams." + stream.workflowExecutionId();
    }
    return "events." + ((FlovynEvent) event).tenantId();
  }

  private static String address(Selection selection) {
    if (selection instanceof StreamKey stream) {
      return "streams." + stream.key();
    }
    return "events." + ((EventPattern) selection).tenantId();
  }
}
