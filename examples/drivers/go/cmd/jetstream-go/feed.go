package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"eventhook.dev/drivers/go/internal/natsclient"
	"eventhook.dev/drivers/go/internal/protocol"
	"eventhook.dev/drivers/go/internal/wire"
)

// settleStep is how often a feed is looked at while it takes in what has come.
const settleStep = time.Millisecond

// feed is an ordered consumer, which nats.go makes anew where it finds a gap.
type feed struct {
	client       *client
	selector     wire.Selector
	subscription *nats.Subscription
	tag          string
	cursor       string

	mu       sync.Mutex
	messages []*nats.Msg
	why      error         // why it ended; nil: it has not
	more     chan struct{} // holds a token once there is something to see
}

// take is called by nats.go with one message after the other.
func (f *feed) take(message *nats.Msg) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.why == nil {
		f.messages = append(f.messages, message)
		f.tell()
	}
}

func (f *feed) tell() {
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// next returns what is there; neither a message nor an error: nothing yet.
func (f *feed) next() (*nats.Msg, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.messages) == 0 {
		return nil, f.why
	}
	message := f.messages[0]
	f.messages = f.messages[1:]
	return message, nil
}

// Receive skips what was filtered out. What is there comes before the context's end.
func (f *feed) Receive(ctx context.Context) (wire.Message, error) {
	for {
		received, err := f.next()
		if err != nil {
			return nil, err
		}
		if received == nil {
			select {
			case <-f.more:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			continue
		}
		metadata, err := received.Metadata()
		if err != nil {
			return nil, err
		}
		if message, ok := f.selector.Select(received.Data); ok {
			f.cursor = fmt.Sprintf("%d-%s", metadata.Sequence.Stream, f.tag)
			return message, nil
		}
	}
}

// Cursor is that of the message received last.
func (f *feed) Cursor() string { return f.cursor }

// Dropped is none: nothing is dropped.
func (f *feed) Dropped() int { return 0 }

// settle waits until nats.go has handed on what the connection has brought.
func (f *feed) settle() {
	for until := time.Now().Add(natsclient.ServerLimit); time.Now().Before(until); time.Sleep(settleStep) {
		if pending, _, err := f.subscription.Pending(); err != nil || pending == 0 {
			return
		}
	}
}

// Leave ends the subscription and discards what is buffered.
func (f *feed) Leave() error {
	return f.client.Remove(f, func(closed bool) error {
		f.Stop(protocol.ErrEnded)
		f.mu.Lock()
		f.messages = nil
		f.mu.Unlock()
		if closed {
			return nil
		}
		return f.subscription.Unsubscribe()
	})
}

// Stop lets nothing more in. What is there can be read, and then why is answered.
func (f *feed) Stop(why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.why == nil {
		f.why = why
		f.tell()
	}
}
