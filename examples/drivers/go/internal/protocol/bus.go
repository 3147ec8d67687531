// Package protocol speaks the driver protocol of eventhook-conformance for a Bus.
//
// It knows the protocol and nothing of any library; what a library does to order, loss and waiting
// is the Bus's alone, so that the suite judges the library.
package protocol

import (
	"context"
	"errors"

	"eventhook.dev/drivers/go/internal/wire"
)

// What a Client may answer beside an error of its library.
var (
	// ErrClosed says that the client was closed.
	ErrClosed = errors.New("the client was closed")
	// ErrEnded says that a feed was read to its end, after its client was closed.
	ErrEnded = errors.New("the subscription has ended")
	// ErrLost says that a feed can never deliver again.
	ErrLost = errors.New("the subscription is lost")
)

// About is what the driver says of itself and claims.
type About struct {
	Protocol     int          `json:"protocol"`
	Name         string       `json:"name"`
	Version      string       `json:"version"`
	Language     string       `json:"language"`
	Capabilities Capabilities `json:"capabilities"`
}

// Capabilities are the claims, as docs/writing-a-target.md explains them.
type Capabilities struct {
	EventCapacity  int    `json:"event_capacity"`
	StreamCapacity int    `json:"stream_capacity"`
	Overflow       string `json:"overflow"`
	OverflowScope  string `json:"overflow_scope"`
	TotalOrder     bool   `json:"total_order"`
	CausalOrder    bool   `json:"causal_order"`
	InProcess      bool   `json:"in_process"`
	Introspection  bool   `json:"introspection"`
	MaxEventBytes  int    `json:"max_event_bytes"`

	*ReplayClaims // nil where the bus keeps no history
}

// Bus is what a driver is for. Its methods, and those of Client, are called from many goroutines.
type Bus interface {
	// Open opens one more client, at the address or, if that is empty, at the usual place.
	Open(ctx context.Context, address string) (Client, error)
}

// Client is one client of the bus.
type Client interface {
	// Publish returns once the bus has the message.
	Publish(ctx context.Context, message wire.Message) error
	// Subscribe returns once the subscription is active.
	Subscribe(ctx context.Context, selector wire.Selector) (Feed, error)
	// Close closes this client alone. Its feeds end once they are read out.
	Close()
}

// Inspector is a Client that can count its channels.
type Inspector interface {
	Channels() (events, streams int)
}

// Feed is a subscription, read by one goroutine at a time.
type Feed interface {
	// Receive waits for the next message until the context is done; if it is already done,
	// Receive takes what is there. Its errors are the context's, ErrEnded, and ErrLost.
	Receive(ctx context.Context) (wire.Message, error)
	// Dropped counts what was lost to overflow.
	Dropped() int
	// Leave ends the subscription and discards what is buffered. It is called once.
	Leave() error
}

// Next takes the next message from a channel, as Receive has to: what is there comes first. Nothing
// may be put into the channel once ended is closed; Next then answers ErrEnded when it is empty.
func Next[M any](ctx context.Context, messages <-chan M, ended <-chan struct{}) (M, error) {
	var none M
	select {
	case message := <-messages:
		return message, nil
	default:
	}
	select {
	case message := <-messages:
		return message, nil
	case <-ended:
	case <-ctx.Done():
		select {
		case <-ended:
		default:
			return none, ctx.Err()
		}
	}
	select {
	case message := <-messages:
		return message, nil
	default:
		return none, ErrEnded
	}
}
