package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
)

// The codes of errors, as the protocol numbers them.
const (
	codeInvalidEvent     = -32001
	codeInvalidPattern   = -32002
	codePublishFailed    = -32003
	codeClosed           = -32004
	codeSubscribeFailed  = -32005
	codeSubscriptionLost = -32006
	codeInvalidCursor    = -32007
	codeCursorExpired    = -32008
	codeInvalidRequest   = -32600
	codeUnknownMethod    = -32601
	codeUnknownName      = -32602
	codeFault            = -32603
)

// maxLineBytes is the longest line either side may write.
const maxLineBytes = 4 << 20

type request struct {
	ID     int64           `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

type response struct {
	JSONRPC string `json:"jsonrpc"`
	ID      int64  `json:"id"`
	Result  any    `json:"result,omitempty"`
	Error   *fault `json:"error,omitempty"`
}

// fault is an error with its code.
type fault struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (f *fault) Error() string { return f.Message }

func faultf(code int, format string, arguments ...any) *fault {
	return &fault{code, fmt.Sprintf(format, arguments...)}
}

// asFault gives an error of the bus the code of what was asked of it.
func asFault(code int, err error) error {
	var already *fault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &already):
		return already
	case errors.Is(err, ErrInvalidCursor):
		code = codeInvalidCursor
	case errors.Is(err, ErrCursorExpired):
		code = codeCursorExpired
	case errors.Is(err, ErrClosed):
		code = codeClosed
	case errors.Is(err, ErrLost):
		code = codeSubscriptionLost
	}
	return &fault{code, err.Error()}
}

type nothing struct{}

type params struct {
	Address             *string         `json:"address"`
	Client              string          `json:"client"`
	Event               json.RawMessage `json:"event"`
	Pattern             json.RawMessage `json:"pattern"`
	WorkflowExecutionID json.RawMessage `json:"workflow_execution_id"`
	TenantID            string          `json:"tenant_id"`
	Since               json.RawMessage `json:"since"`
	Subscription        string          `json:"subscription"`
	Max                 int             `json:"max"`
	TimeoutMS           int64           `json:"timeout_ms"`
}

type opened struct {
	Client string `json:"client"`
}

type subscribed struct {
	Subscription string `json:"subscription"`
}

type read struct {
	Events  []json.RawMessage `json:"events"`
	Cursors []string          `json:"cursors,omitempty"`
	Ended   bool              `json:"ended"`
	Dropped int               `json:"dropped"`
}

type removed struct {
	Removed int `json:"removed"`
}

type counted struct {
	Events  int `json:"events"`
	Streams int `json:"streams"`
}
