package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/mempubsub"

	"eventhook.dev/drivers/go/internal/protocol"
	"eventhook.dev/drivers/go/internal/wire"
)

// ackDeadline is mempubsub's usual one, after which it delivers a message again.
const ackDeadline = time.Minute

const drainLimit = 500 * time.Millisecond

// bus holds the topics that all clients share, as the library's own opener of mem:// addresses does.
type bus struct {
	mu     sync.Mutex
	topics map[string]*pubsub.Topic
}

func newBus() *bus { return &bus{topics: map[string]*pubsub.Topic{}} }

func (b *bus) topic(name string) *pubsub.Topic {
	b.mu.Lock()
	defer b.mu.Unlock()
	topic, ok := b.topics[name]
	if !ok {
		topic = mempubsub.NewTopic()
		b.topics[name] = topic
	}
	return topic
}

func (b *bus) Open(context.Context, string) (protocol.Client, error) {
	life, end := context.WithCancel(context.Background())
	return &client{bus: b, life: life, end: end}, nil
}

// client is no more than the life of its subscriptions.
type client struct {
	bus  *bus
	life context.Context
	end  context.CancelFunc

	mu    sync.Mutex
	feeds sync.WaitGroup // added to while mu is held and life goes on
}

func (c *client) Publish(ctx context.Context, published wire.Message) error {
	if c.life.Err() != nil {
		return protocol.ErrClosed
	}
	return c.bus.topic(topicOf(published)).Send(ctx, &pubsub.Message{Body: published.Encode()})
}

func (c *client) Subscribe(_ context.Context, selector wire.Selector) (protocol.Feed, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		return nil, protocol.ErrClosed
	}
	topic, capacity := interest(selector)
	life, end := context.WithCancel(c.life)
	f := &feed{
		subscription: mempubsub.NewSubscription(c.bus.topic(topic), ackDeadline),
		selector:     selector,
		buffer:       make(chan wire.Message, capacity),
		life:         life,
		end:          end,
		ended:        make(chan struct{}),
	}
	c.feeds.Go(f.handle)
	return f, nil
}

// Close ends the subscriptions; what they hold can still be read.
func (c *client) Close() {
	c.mu.Lock()
	c.end()
	c.mu.Unlock()
	c.feeds.Wait()
}

// feed receives from a subscription, puts what is selected into a buffer for the reader, and
// acknowledges what is done.
type feed struct {
	subscription *pubsub.Subscription
	selector     wire.Selector
	buffer       chan wire.Message
	rest         []wire.Message // what came after the end of life; nothing is added once ended is closed
	life         context.Context
	end          context.CancelFunc
	ended        chan struct{}
	left         atomic.Bool // its owner wants nothing more
}

// handle runs until the end of the subscription's life.
func (f *feed) handle() {
	defer close(f.ended)
	for {
		received, err := f.subscription.Receive(f.life)
		if err != nil {
			f.drain()
			// because: shutting down a subscription that is cancelled answers that it is cancelled
			_ = f.subscription.Shutdown(f.life)
			return
		}
		received.Ack()
		if selected, ok := f.selector.Select(received.Body); ok {
			f.put(selected)
		}
	}
}

// drain takes what the library still holds when the client closes: until it was silent for longer than
// mempubsub sleeps between two looks. It can all be read, as the library sets no limit.
func (f *feed) drain() {
	for !f.left.Load() {
		ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
		received, err := f.subscription.Receive(ctx)
		cancel()
		if err != nil {
			return
		}
		received.Ack()
		if selected, ok := f.selector.Select(received.Body); ok {
			f.rest = append(f.rest, selected)
		}
	}
}

// put waits for room, for as long as the subscription lives.
func (f *feed) put(selected wire.Message) {
	select {
	case f.buffer <- selected:
	case <-f.life.Done():
		f.rest = append(f.rest, selected)
	}
}

func (f *feed) Receive(ctx context.Context) (wire.Message, error) {
	message, err := protocol.Next(ctx, f.buffer, f.ended)
	if errors.Is(err, protocol.ErrEnded) && len(f.rest) > 0 {
		message, f.rest = f.rest[0], f.rest[1:]
		return message, nil
	}
	return message, err
}

// Dropped is always 0: whatever a reader has no room for waits in the subscription.
func (f *feed) Dropped() int { return 0 }

func (f *feed) Leave() error {
	f.left.Store(true)
	f.end()
	<-f.ended
	return nil
}

func topicOf(published wire.Message) string {
	switch published := published.(type) {
	case *wire.Event:
		return "events." + published.TenantID
	case *wire.StreamEvent:
		return "streams." + published.WorkflowExecutionID
	default:
		panic("there are no other messages")
	}
}

func interest(selector wire.Selector) (topic string, capacity int) {
	switch selector := selector.(type) {
	case *wire.Pattern:
		return "events." + selector.TenantID, eventCapacity
	case wire.StreamKey:
		return "streams." + string(selector), streamCapacity
	default:
		panic("there are no other selectors")
	}
}
