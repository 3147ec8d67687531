// Command my_bus_driver is my-bus as a driver of the conformance suite, with nothing but the standard
// library.
//
//	go build -o my_bus_driver .
//	eventhook-conformance driver-check ./my_bus_driver
//	eventhook-conformance run driver:./my_bus_driver
//
// Bus is what you replace: a few methods over your own client library. Here it is a map of callbacks.
// protocol.go speaks with the suite; buffer.go and contract.go are what a bare client library does not do:
// a bounded buffer for each subscription, validation, filters.
package main

import (
	"os"
	"sync"
)

var about = map[string]any{
	"protocol":     1,
	"name":         "my-bus",
	"version":      "1.0",
	"language":     "Go",
	"capabilities": map[string]any{"total_order": true, "causal_order": true},
}

// capacity is how many unread events a subscription keeps, as the capabilities claim it.
var capacity = map[string]int{"event": 1024, "stream": 256}

// channel is what messages are sent to: a tenant's events, or the stream of a key.
type channel struct{ kind, key string }

// server stands for yours: what all clients share.
var server = struct {
	sync.Mutex
	sinks map[channel]map[*func([]byte)]struct{}
}{sinks: map[channel]map[*func([]byte)]struct{}{}}

// Bus is one client of the bus. Its methods are called from many goroutines, and may wait.
type Bus struct{}

// OpenBus opens one more client, at the address or, if that is empty, at the usual place.
func OpenBus(address string) (*Bus, error) {
	return &Bus{}, nil
}

// Send returns once the bus has the message.
func (b *Bus) Send(kind, key string, body []byte) error {
	server.Lock()
	defer server.Unlock()
	for sink := range server.sinks[channel{kind, key}] {
		(*sink)(body)
	}
	return nil
}

// Attach returns once the sink gets each message; detach ends that.
func (b *Bus) Attach(kind, key string, sink func(body []byte)) (detach func() error, err error) {
	server.Lock()
	defer server.Unlock()
	to := channel{kind, key}
	if server.sinks[to] == nil {
		server.sinks[to] = map[*func([]byte)]struct{}{}
	}
	server.sinks[to][&sink] = struct{}{}
	return func() error {
		server.Lock()
		defer server.Unlock()
		delete(server.sinks[to], &sink)
		if len(server.sinks[to]) == 0 {
			delete(server.sinks, to)
		}
		return nil
	}, nil
}

// Disconnect closes this client alone; all that it attached is detached by then.
func (b *Bus) Disconnect() error { return nil }

// Channels counts what the bus keeps for tenants and for streams.
func (b *Bus) Channels() (events, streams int) {
	server.Lock()
	defer server.Unlock()
	for to := range server.sinks {
		if to.kind == "event" {
			events++
		} else {
			streams++
		}
	}
	return events, streams
}

func main() { serve(os.Stdin, os.Stdout) }
