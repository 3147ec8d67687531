package protocol

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"eventhook.dev/drivers/go/internal/wire"
)

// What a Replayer may answer beside an error of its library.
var (
	// ErrInvalidCursor says that a cursor is none of the channel's.
	ErrInvalidCursor = errors.New("the cursor is none of this channel")
	// ErrCursorExpired says that something after a cursor is gone.
	ErrCursorExpired = errors.New("the history no longer reaches back to the cursor")
)

// ReplayClaims are what a driver claims of its history, beside the other capabilities.
type ReplayClaims struct {
	Profiles       []string `json:"profiles"`
	Replay         []string `json:"replay"`
	ReplayEvents   *int     `json:"replay_events"`
	ReplaySeconds  float64  `json:"replay_s"`
	ReplaySurvives string   `json:"replay_survives"`
}

// Since says where a subscription begins: live, at the start, or after a cursor.
type Since struct {
	Start  bool
	Cursor *string
}

// Replayer is a Client whose subscriptions may begin in the past.
type Replayer interface {
	// SubscribeSince returns once the subscription is active.
	SubscribeSince(ctx context.Context, selector wire.Selector, since Since) (Feed, error)
	// Purge forgets the history of a tenant, or of a stream's key.
	Purge(ctx context.Context, tenant string, key wire.StreamKey) error
}

// Positioned is a Feed that knows the cursor of what it received last.
type Positioned interface {
	Cursor() string
}

// parseSince reads the parameter; without one a subscription begins live.
func parseSince(text json.RawMessage) (Since, error) {
	switch {
	case len(text) == 0, bytes.Equal(text, []byte(`"live"`)):
		return Since{}, nil
	case bytes.Equal(text, []byte(`"start"`)):
		return Since{Start: true}, nil
	}
	var named struct {
		Cursor *string `json:"cursor"`
	}
	if err := json.Unmarshal(text, &named); err != nil || named.Cursor == nil {
		return Since{}, faultf(codeInvalidRequest, "since is no beginning: %s", text)
	}
	if !wellFormed(*named.Cursor) {
		return Since{}, faultf(codeInvalidCursor, "a cursor is 1 to 256 bytes of visible ASCII")
	}
	return Since{Cursor: named.Cursor}, nil
}

func wellFormed(cursor string) bool {
	if len(cursor) == 0 || len(cursor) > 256 {
		return false
	}
	for _, letter := range []byte(cursor) {
		if letter <= ' ' || letter > '~' {
			return false
		}
	}
	return true
}

// subscribeSince begins live on any client, and in the past where the client can.
func subscribeSince(ctx context.Context, c *client, selector wire.Selector, since Since) (Feed, error) {
	if replayer, able := c.Client.(Replayer); able {
		return replayer.SubscribeSince(ctx, selector, since)
	}
	if since.Start || since.Cursor != nil {
		return nil, faultf(codeUnknownMethod, "this bus keeps no history")
	}
	return c.Subscribe(ctx, selector)
}

func (s *server) purging(c *client, p params) (finish, error) {
	replayer, able := c.Client.(Replayer)
	if !able {
		return nil, faultf(codeUnknownMethod, "%s keeps no history", s.about.Name)
	}
	var key wire.StreamKey
	if p.TenantID == "" {
		var text string
		err := json.Unmarshal(p.WorkflowExecutionID, &text)
		if err == nil {
			key, err = wire.ParseStreamKey(text)
		}
		if err != nil {
			return nil, asFault(codeInvalidPattern, err)
		}
	}
	return func(ctx context.Context) (any, error) {
		return nothing{}, asFault(codeFault, replayer.Purge(ctx, p.TenantID, key))
	}, nil
}
