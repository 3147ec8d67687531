package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"eventhook.dev/drivers/go/internal/natsclient"
	"eventhook.dev/drivers/go/internal/protocol"
	"eventhook.dev/drivers/go/internal/wire"
)

const (
	// historyLasts is how long the stream keeps a message.
	historyLasts = 10 * time.Minute
	stream       = "EVENTHOOK_GO"
	// maxConsumers is above what a server allows a stream that names no number.
	maxConsumers = 10_000
)

// bus is a NATS server with JetStream. One stream holds all channels, which gives one order.
type bus struct {
	url string
}

// Open connects; each client has a connection of its own.
func (b bus) Open(ctx context.Context, address string) (protocol.Client, error) {
	c := &client{}
	err := c.Connect(address, b.url)
	if err != nil {
		return nil, err
	}
	if c.jetstream, err = c.Connection.JetStream(nats.MaxWait(natsclient.ServerLimit)); err == nil {
		err = c.makeStream()
	}
	if err != nil {
		c.Connection.Close()
		return nil, err
	}
	return c, nil
}

type client struct {
	natsclient.Client[*feed]
	jetstream nats.JetStreamContext
	created   time.Time // when the stream was made: its numbers mean nothing in another
}

func (c *client) makeStream() error {
	found, err := c.jetstream.AddStream(&nats.StreamConfig{
		Name:         stream,
		Subjects:     []string{"go.event.*", "go.stream.*"},
		Storage:      nats.MemoryStorage,
		MaxAge:       historyLasts,
		MaxConsumers: maxConsumers,
	})
	if err == nil {
		c.created = found.Created
	}
	return err
}

// Publish returns once the stream has the message.
func (c *client) Publish(ctx context.Context, message wire.Message) error {
	done, err := c.Use()
	if err != nil {
		return err
	}
	defer done()
	_, err = c.jetstream.Publish(subjectOf(message), message.Encode(), nats.Context(ctx))
	return err
}

// Subscribe begins with what comes next.
func (c *client) Subscribe(ctx context.Context, selector wire.Selector) (protocol.Feed, error) {
	return c.SubscribeSince(ctx, selector, protocol.Since{})
}

// SubscribeSince makes an ordered consumer; the server hands history over to what is live.
func (c *client) SubscribeSince(_ context.Context, selector wire.Selector, since protocol.Since) (protocol.Feed, error) {
	done, err := c.Use()
	if err != nil {
		return nil, err
	}
	defer done()
	subject := subjectFor(selector)
	begin := nats.DeliverNew()
	if since.Start {
		begin = nats.DeliverAll()
	}
	if since.Cursor != nil {
		number, err := c.position(subject, *since.Cursor)
		if err != nil {
			return nil, err
		}
		begin = nats.StartSequence(number + 1)
	}
	f := &feed{client: c, selector: selector, tag: c.tag(subject), more: make(chan struct{}, 1)}
	subscription, err := c.jetstream.Subscribe(subject, f.take, nats.OrderedConsumer(), begin)
	if err != nil {
		return nil, err
	}
	// An ordered consumer's flow control is the server's; what has come is never dropped here.
	if err := subscription.SetPendingLimits(-1, -1); err != nil {
		return nil, errors.Join(err, subscription.Unsubscribe())
	}
	f.subscription = subscription
	c.Add(f)
	return f, nil
}

// position reads a cursor. The oldest messages go first: while its own is there, all after it are.
func (c *client) position(subject, cursor string) (uint64, error) {
	digits, tag, _ := strings.Cut(cursor, "-")
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || tag != c.tag(subject) || digits != strconv.FormatUint(number, 10) {
		return 0, protocol.ErrInvalidCursor
	}
	kept, err := c.jetstream.GetMsg(stream, number)
	switch {
	case errors.Is(err, nats.ErrMsgNotFound):
		return 0, protocol.ErrCursorExpired
	case err != nil:
		return 0, err
	case kept.Subject != subject:
		return 0, protocol.ErrInvalidCursor
	}
	return number, nil
}

// tag tells one channel's cursors from another's, and those of a stream that was made anew.
func (c *client) tag(subject string) string {
	sum := fnv.New64a()
	fmt.Fprintf(sum, "%d %s", c.created.UnixNano(), subject)
	return strconv.FormatUint(sum.Sum64(), 36)
}

// Purge removes a channel's messages; their numbers are never used again.
func (c *client) Purge(_ context.Context, tenant string, key wire.StreamKey) error {
	subject := "go.stream." + string(key)
	if tenant != "" {
		subject = "go.event." + strings.ToLower(tenant)
	}
	return c.jetstream.PurgeStream(stream, &nats.StreamPurgeRequest{Subject: subject})
}

// Close takes in what the server has sent so far, also what nats.go has not handed on yet.
func (c *client) Close() { c.Client.Close((*feed).settle) }

func subjectOf(message wire.Message) string {
	switch message := message.(type) {
	case *wire.Event:
		return "go.event." + message.TenantID
	case *wire.StreamEvent:
		return "go.stream." + message.WorkflowExecutionID
	}
	panic("no such message")
}

func subjectFor(selector wire.Selector) string {
	switch selector := selector.(type) {
	case *wire.Pattern:
		return "go.event." + selector.TenantID
	case wire.StreamKey:
		return "go.stream." + string(selector)
	}
	panic("no such selector")
}
