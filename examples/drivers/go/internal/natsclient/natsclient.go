// Package natsclient is what the drivers over nats.go share of a client: its connection, and its feeds
// until they end.
package natsclient

import (
	"cmp"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"eventhook.dev/drivers/go/internal/protocol"
)

// ServerLimit bounds every wait for the server's answer.
const ServerLimit = 5 * time.Second

// Feed is a subscription that can be ended from this side.
type Feed interface {
	comparable
	// Stop lets nothing more in. What is in can be read, and then why is answered.
	Stop(why error)
}

// Client is one connection and the feeds on it. A driver's own client embeds it.
type Client[F Feed] struct {
	Connection *nats.Conn

	// using is held for reading by what uses the connection, so that closing waits for it: a
	// publish that is refused because it was cut off could still have been sent.
	using  sync.RWMutex
	closed bool

	mu    sync.Mutex
	feeds map[F]struct{}
}

// Connect opens a connection of its own, at the address or, if that is empty, at url.
func (c *Client[F]) Connect(address, url string) (err error) {
	c.feeds = map[F]struct{}{}
	c.Connection, err = nats.Connect(
		cmp.Or(address, url),
		nats.Name("eventhook driver"),
		nats.Timeout(ServerLimit),
		nats.MaxReconnects(-1),
		nats.ClosedHandler(func(*nats.Conn) { c.stopAll(protocol.ErrLost) }),
	)
	return err
}

// Use holds off closing until done is called; it refuses on a closed client.
func (c *Client[F]) Use() (done func(), err error) {
	c.using.RLock()
	if c.closed {
		c.using.RUnlock()
		return nil, protocol.ErrClosed
	}
	return c.using.RUnlock, nil
}

// Add makes a feed one that closing ends. The caller uses the client.
func (c *Client[F]) Add(feed F) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.feeds[feed] = struct{}{}
}

// Remove forgets a feed, and runs leave while the client cannot close.
func (c *Client[F]) Remove(feed F, leave func(closed bool) error) error {
	c.using.RLock()
	defer c.using.RUnlock()
	err := leave(c.closed)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.feeds, feed)
	return err
}

// Feeds are those that were added and not removed.
func (c *Client[F]) Feeds() []F {
	c.mu.Lock()
	defer c.mu.Unlock()
	feeds := make([]F, 0, len(c.feeds))
	for feed := range c.feeds {
		feeds = append(feeds, feed)
	}
	return feeds
}

// Close takes in what the server has sent so far, has settle hand it on, and ends the feeds; what is
// buffered can still be read.
func (c *Client[F]) Close(settle func(feed F)) {
	c.using.Lock()
	defer c.using.Unlock()
	c.closed = true
	// A server that does not answer has nothing more to send.
	_ = c.Connection.FlushTimeout(ServerLimit)
	for _, feed := range c.Feeds() {
		settle(feed)
	}
	c.stopAll(protocol.ErrEnded)
	c.Connection.Close()
}

func (c *Client[F]) stopAll(why error) {
	for _, feed := range c.Feeds() {
		feed.Stop(why)
	}
}
