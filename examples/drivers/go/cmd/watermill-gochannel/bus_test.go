package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"eventhook.dev/drivers/go/internal/protocol"
	"eventhook.dev/drivers/go/internal/wire"
)

// openBlocking opens a client whose publishes return once they are handled.
func openBlocking(t *testing.T) protocol.Client {
	t.Helper()
	pubSub := gochannel.NewGoChannel(gochannel.Config{BlockPublishUntilSubscriberAck: true}, nil)
	opened, err := (&bus{pubSub}).Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		opened.Close()
		if err := pubSub.Close(); err != nil {
			t.Error(err)
		}
	})
	return opened
}

func token(key, payload string) *wire.StreamEvent {
	return &wire.StreamEvent{WorkflowExecutionID: key, Type: "TOKEN", Payload: payload}
}

func subscribe(t *testing.T, c protocol.Client, key string) protocol.Feed {
	t.Helper()
	f, err := c.Subscribe(t.Context(), wire.StreamKey(key))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func publish(t *testing.T, c protocol.Client, events ...*wire.StreamEvent) {
	t.Helper()
	for _, event := range events {
		if err := c.Publish(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
}

func receive(t *testing.T, f protocol.Feed) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	received, err := f.Receive(ctx)
	if err != nil {
		return "", err
	}
	return received.(*wire.StreamEvent).Payload, nil
}

func TestWhatIsBufferedOutlivesTheClient(t *testing.T) {
	c := openBlocking(t)
	f := subscribe(t, c, "w")
	publish(t, c, token("w", "a"), token("x", "other"), token("w", "b"))
	c.Close()
	for _, want := range []string{"a", "b"} {
		if got, err := receive(t, f); got != want || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	for range 2 {
		if _, err := receive(t, f); !errors.Is(err, protocol.ErrEnded) {
			t.Errorf("got %v, want ErrEnded", err)
		}
	}
	if err := c.Publish(t.Context(), token("w", "c")); !errors.Is(err, protocol.ErrClosed) {
		t.Errorf("a closed client publishes: %v", err)
	}
	if _, err := c.Subscribe(t.Context(), wire.StreamKey("w")); !errors.Is(err, protocol.ErrClosed) {
		t.Errorf("a closed client subscribes: %v", err)
	}
}

func TestLeavingLetsAWaitingPublisherGo(t *testing.T) {
	c := openBlocking(t)
	f := subscribe(t, c, "w")
	for range streamCapacity {
		publish(t, c, token("w", "a"))
	}
	published := make(chan error, 1)
	go func() { published <- c.Publish(t.Context(), token("w", "one too many")) }()
	if err := f.Leave(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-published:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the publisher still waits for a reader that left")
	}
}
