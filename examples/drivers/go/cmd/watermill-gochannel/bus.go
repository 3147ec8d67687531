package main

import (
	"context"
	"sync"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"eventhook.dev/drivers/go/internal/protocol"
	"eventhook.dev/drivers/go/internal/wire"
)

// bus is one GoChannel, which has no global state: all clients have to share it.
type bus struct {
	pubSub *gochannel.GoChannel
}

func (b *bus) Open(context.Context, string) (protocol.Client, error) {
	life, end := context.WithCancel(context.Background())
	return &client{pubSub: b.pubSub, life: life, end: end}, nil
}

// client is no more than the life of its subscriptions.
type client struct {
	pubSub *gochannel.GoChannel
	life   context.Context
	end    context.CancelFunc

	mu    sync.Mutex
	feeds sync.WaitGroup // added to while mu is held and life goes on
}

func (c *client) Publish(_ context.Context, published wire.Message) error {
	if c.life.Err() != nil {
		return protocol.ErrClosed
	}
	return c.pubSub.Publish(topicOf(published), message.NewMessage(watermill.NewUUID(), published.Encode()))
}

func (c *client) Subscribe(_ context.Context, selector wire.Selector) (protocol.Feed, error) {
	life, end := context.WithCancel(c.life)
	topic, capacity := interest(selector)
	messages, err := c.pubSub.Subscribe(life, topic)
	if err != nil {
		end()
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		end()
		return nil, protocol.ErrClosed
	}
	f := &feed{
		selector: selector,
		buffer:   make(chan wire.Message, capacity),
		life:     life,
		end:      end,
		ended:    make(chan struct{}),
	}
	c.feeds.Go(func() { f.handle(messages) })
	return f, nil
}

// Close ends the subscriptions. Messages that GoChannel still holds for them are discarded by it.
func (c *client) Close() {
	c.mu.Lock()
	c.end()
	c.mu.Unlock()
	c.feeds.Wait()
}

// feed is what a handler makes of a subscription: it puts what is selected into a buffer for the
// reader, and acknowledges what is done.
type feed struct {
	selector wire.Selector
	buffer   chan wire.Message
	life     context.Context
	end      context.CancelFunc
	ended    chan struct{}
}

// handle runs until the end of the subscription's life, when GoChannel closes messages.
func (f *feed) handle(messages <-chan *message.Message) {
	defer close(f.ended)
	for received := range messages {
		if selected, ok := f.selector.Select(received.Payload); ok {
			f.put(selected)
		}
		received.Ack()
	}
}

// put waits for room, for as long as the subscription lives.
func (f *feed) put(selected wire.Message) {
	select {
	case f.buffer <- selected:
	case <-f.life.Done():
	}
}

func (f *feed) Receive(ctx context.Context) (wire.Message, error) {
	return protocol.Next(ctx, f.buffer, f.ended)
}

// Dropped is always 0: whatever a reader has no room for waits in GoChannel.
func (f *feed) Dropped() int { return 0 }

func (f *feed) Leave() error {
	f.end()
	<-f.ended
	return nil
}

func topicOf(published wire.Message) string {
	switch published := published.(type) {
	case *wire.Event:
		return eventTopic(published.TenantID)
	case *wire.StreamEvent:
		return streamTopic(published.WorkflowExecutionID)
	default:
		panic("there are no other messages")
	}
}

func interest(selector wire.Selector) (topic string, capacity int) {
	switch selector := selector.(type) {
	case *wire.Pattern:
		return eventTopic(selector.TenantID), eventCapacity
	case wire.StreamKey:
		return streamTopic(string(selector)), streamCapacity
	default:
		panic("there are no other selectors")
	}
}

func eventTopic(tenant string) string { return "events." + tenant }

func streamTopic(key string) string { return "streams." + key }
