package main

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"eventhook.dev/drivers/go/internal/protocol"
	"eventhook.dev/drivers/go/internal/wire"
)

// serverLimit bounds every wait for the server's answer.
const serverLimit = 5 * time.Second

// bus is a NATS server.
type bus struct {
	url string
}

// Open connects; each client has a connection of its own.
func (b bus) Open(_ context.Context, address string) (protocol.Client, error) {
	c := &client{feeds: map[*feed]struct{}{}}
	connection, err := nats.Connect(
		cmp.Or(address, b.url),
		nats.Name("eventhook driver"),
		nats.Timeout(serverLimit),
		nats.MaxReconnects(-1),
		nats.ClosedHandler(func(*nats.Conn) { c.stopAll(protocol.ErrLost) }),
	)
	if err != nil {
		return nil, err
	}
	c.connection = connection
	return c, nil
}

type client struct {
	connection *nats.Conn

	// using is held for reading by what uses the connection, so that closing waits for it: a
	// publish that is refused because it was cut off could still have been sent.
	using  sync.RWMutex
	closed bool

	mu    sync.Mutex
	feeds map[*feed]struct{}
}

// Publish writes and then waits for the server's answer to a PING, which it gives in order.
func (c *client) Publish(ctx context.Context, message wire.Message) error {
	c.using.RLock()
	defer c.using.RUnlock()
	if c.closed {
		return protocol.ErrClosed
	}
	if err := c.connection.Publish(subjectOf(message), message.Encode()); err != nil {
		return err
	}
	return c.flush(ctx)
}

func (c *client) Subscribe(ctx context.Context, selector wire.Selector) (protocol.Feed, error) {
	c.using.RLock()
	defer c.using.RUnlock()
	if c.closed {
		return nil, protocol.ErrClosed
	}
	subject, capacity := interest(selector)
	f := &feed{
		client:   c,
		selector: selector,
		messages: make(chan *nats.Msg, capacity),
		ended:    make(chan struct{}),
	}
	subscription, err := c.connection.ChanSubscribe(subject, f.messages)
	if err != nil {
		return nil, err
	}
	f.subscription = subscription
	if err := c.flush(ctx); err != nil {
		return nil, errors.Join(err, subscription.Unsubscribe())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.feeds[f] = struct{}{}
	return f, nil
}

func (c *client) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, serverLimit)
	defer cancel()
	return c.connection.FlushWithContext(ctx)
}

// Close takes in what the server has sent so far; what is buffered can still be read.
func (c *client) Close() {
	c.using.Lock()
	defer c.using.Unlock()
	c.closed = true
	// A server that does not answer has nothing more to send.
	_ = c.flush(context.Background())
	c.stopAll(protocol.ErrEnded)
	c.connection.Close()
}

// stopAll ends what has not ended yet, for that reason.
func (c *client) stopAll(why error) {
	for _, f := range c.standing() {
		_ = f.stop(why) // because: a connection that is closed or about to be takes the interest with it
	}
}

// Channels counts what this connection has the server keep: its interest in subjects.
func (c *client) Channels() (events, streams int) {
	for _, f := range c.standing() {
		if _, ok := f.selector.(*wire.Pattern); ok {
			events++
		} else {
			streams++
		}
	}
	return events, streams
}

func (c *client) standing() []*feed {
	c.mu.Lock()
	defer c.mu.Unlock()
	feeds := make([]*feed, 0, len(c.feeds))
	for f := range c.feeds {
		feeds = append(feeds, f)
	}
	return feeds
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
	f.client.using.RLock()
	defer f.client.using.RUnlock()
	err := f.stop(protocol.ErrEnded)
	f.client.mu.Lock()
	defer f.client.mu.Unlock()
	delete(f.client.feeds, f)
	return err
}

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
