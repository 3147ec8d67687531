// Command my_bus_driver is my-bus, a bus with a history, as a driver of the conformance suite, with nothing but the standard
// library.
//
//	go build -o my_bus_driver .
//	eventhook-conformance driver-check ./my_bus_driver
//	eventhook-conformance run driver:./my_bus_driver
//
// Bus is what you replace: a few methods over your own client library. Here it is a map of logs.
// protocol.go speaks with the suite; buffer.go and contract.go are what a bare client library does not do:
// a bounded buffer for each subscription, validation, filters.
package main

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"sync"
)

// kept is how many messages of a tenant or key the history holds.
const kept = 1024

var about = map[string]any{
	"protocol": 2,
	"name":     "my-bus",
	"version":  "1.0",
	"language": "Go",
	"capabilities": map[string]any{
		"profiles":      []string{"events", "streams", "replay"},
		"replay":        []string{"events", "streams"},
		"replay_events": kept,
		"total_order":   true, "causal_order": true,
	},
}

// capacity is how many unread events a subscription keeps, as the capabilities claim it.
var capacity = map[string]int{"event": 1024, "stream": 256}

// channel is what messages are sent to: a tenant's events, or the stream of a key.
type channel struct{ kind, key string }

// Message is what was sent, and its place in the history.
type Message struct {
	Body   []byte
	Cursor string
}

// Since says where a subscription begins: with what comes next, at the start, or after a cursor.
type Since struct {
	Start  bool
	Cursor string
}

// Sink takes what is kept, then what comes.
type Sink interface {
	Replay(kept []Message)
	Hear(one Message)
}

// What Attach may answer beside an error of your library.
var (
	ErrInvalidCursor = errors.New("the cursor is none of this channel")
	ErrCursorExpired = errors.New("the history no longer reaches back to the cursor")
)

// history holds the newest messages of one channel, numbered from 1, and knows who hears it.
type history struct {
	messages []Message
	newest   int
	sinks    map[Sink]struct{}
}

// since returns what is kept of what came after the beginning.
func (h *history) since(begin Since) ([]Message, error) {
	if begin.Start {
		return h.messages, nil
	}
	if begin.Cursor == "" {
		return nil, nil
	}
	after, err := strconv.Atoi(begin.Cursor)
	if err != nil || strconv.Itoa(after) != begin.Cursor || after < 1 || after > h.newest {
		return nil, ErrInvalidCursor
	}
	oldest := h.newest - len(h.messages)
	if after < oldest {
		return nil, ErrCursorExpired
	}
	return h.messages[after-oldest:], nil
}

// server stands for yours: what all clients share.
var server = struct {
	sync.Mutex
	histories map[channel]*history
}{histories: map[channel]*history{}}

// at returns a channel's history; the caller holds the lock.
func at(to channel) *history {
	if server.histories[to] == nil {
		server.histories[to] = &history{sinks: map[Sink]struct{}{}}
	}
	return server.histories[to]
}

// Bus is one client of the bus. Its methods are called from many goroutines, and may wait.
type Bus struct{}

// OpenBus opens one more client, at the address or, if that is empty, at the usual place.
func OpenBus(address string) (*Bus, error) {
	return &Bus{}, nil
}

// Send returns once the bus has the message in its history.
func (b *Bus) Send(kind, key string, body []byte) error {
	server.Lock()
	defer server.Unlock()
	log := at(channel{kind, key})
	log.newest++
	one := Message{body, strconv.Itoa(log.newest)}
	log.messages = append(log.messages, one)
	if len(log.messages) > kept {
		log.messages = log.messages[1:]
	}
	for sink := range log.sinks {
		sink.Hear(one)
	}
	return nil
}

// Attach hands what is kept since then to the sink, then each message that comes, with no gap between.
func (b *Bus) Attach(kind, key string, since Since, sink Sink) (detach func() error, err error) {
	server.Lock()
	defer server.Unlock()
	log := at(channel{kind, key})
	past, err := log.since(since)
	if err != nil {
		return nil, err
	}
	sink.Replay(slices.Clone(past))
	log.sinks[sink] = struct{}{}
	return func() error {
		server.Lock()
		defer server.Unlock()
		delete(log.sinks, sink)
		return nil
	}, nil
}

// Disconnect closes this client alone; all that it attached is detached by then.
func (b *Bus) Disconnect() error { return nil }

// Channels counts what the bus keeps for tenants and for streams.
func (b *Bus) Channels() (events, streams int) {
	server.Lock()
	defer server.Unlock()
	for to, log := range server.histories {
		switch {
		case len(log.sinks) == 0:
		case to.kind == "event":
			events++
		default:
			streams++
		}
	}
	return events, streams
}

func main() { serve(os.Stdin, os.Stdout) }
