package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"eventhook.dev/drivers/go/internal/natsclient"
	"eventhook.dev/drivers/go/internal/protocol"
	"eventhook.dev/drivers/go/internal/wire"
)

// bus is a NATS server.
type bus struct {
	url string
}

// Open connects; each client has a connection of its own.
func (b bus) Open(_ context.Context, address string) (protocol.Client, error) {
	c := &client{}
	if err := c.Connect(address, b.url); err != nil {
		return nil, err
	}
	return c, nil
}

type client struct {
	natsclient.Client[*feed]
}

// Publish writes and then waits for the server's answer to a PING, which it gives in order.
func (c *client) Publish(ctx context.Context, message wire.Message) error {
	done, err := c.Use()
	if err != nil {
		return err
	}
	defer done()
	if err := c.Connection.Publish(subjectOf(message), message.Encode()); err != nil {
		return err
	}
	return c.flush(ctx)
}

func (c *client) Subscribe(ctx context.Context, selector wire.Selector) (protocol.Feed, error) {
	done, err := c.Use()
	if err != nil {
		return nil, err
	}
	defer done()
	subject, capacity := interest(selector)
	f := &feed{
		client:   c,
		selector: selector,
		messages: make(chan *nats.Msg, capacity),
		ended:    make(chan struct{}),
	}
	subscription, err := c.Connection.ChanSubscribe(subject, f.messages)
	if err != nil {
		return nil, err
	}
	f.subscription = subscription
	if err := c.flush(ctx); err != nil {
		return nil, errors.Join(err, subscription.Unsubscribe())
	}
	c.Add(f)
	return f, nil
}

func (c *client) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, natsclient.ServerLimit)
	defer cancel()
	return c.Connection.FlushWithContext(ctx)
}

// Close lets nats.go put what the server has sent so far into the channels, before it ends them.
func (c *client) Close() { c.Client.Close(func(*feed) {}) }

// Channels counts what this connection has the server keep: its interest in subjects.
func (c *client) Channels() (events, streams int) {
	for _, f := range c.Feeds() {
		if _, ok := f.selector.(*wire.Pattern); ok {
			events++
		} else {
			streams++
		}
	}
	return events, streams
}

// feed is a ChanSubscribe: nats.go puts each message into the channel, and drops it if that is full.
type feed struct {
	client       *client
	selector     wire.Selector
	subscription *nats.Subscription
	messages     chan *nats.Msg

	stopping sync.Once
	ended    chan struct{}
	why      error // set before ended is closed
	dropped  atomic.Int64
}

// Receive skips what is garbage, was filtered out, or belongs on another subject than it came on.
func (f *feed) Receive(ctx context.Context) (wire.Message, error) {
	for {
		received, err := protocol.Next(ctx, f.messages, f.ended)
		if errors.Is(err, protocol.ErrEnded) {
			return nil, f.why
		}
		if err != nil {
			return nil, err
		}
		message, ok := f.selector.Select(received.Data)
		if ok && subjectOf(message) == received.Subject {
			return message, nil
		}
	}
}

// Dropped is the library's own count, which it no longer gives once the subscription is gone.
func (f *feed) Dropped() int {
	if count, err := f.subscription.Dropped(); err == nil {
		f.dropped.Store(int64(count))
	}
	return int(f.dropped.Load())
}

func (f *feed) Leave() error {
	return f.client.Remove(f, func(bool) error { return f.stop(protocol.ErrEnded) })
}

// Stop ends it where the connection, closed or about to be, takes the interest with it.
func (f *feed) Stop(why error) { _ = f.stop(why) }

// stop lets nothing more into the channel. What is in it can be read, and then why is answered.
func (f *feed) stop(why error) (err error) {
	f.stopping.Do(func() {
		f.Dropped()
		err = f.subscription.Unsubscribe()
		if errors.Is(err, nats.ErrConnectionClosed) {
			err = nil
		}
		f.why = why
		close(f.ended)
	})
	return err
}
