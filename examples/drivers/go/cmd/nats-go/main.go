// Command nats-go is a driver for NATS through nats.go. The server is that of NATS_URL.
package main

import (
	"cmp"
	"context"
	"log"
	"os"

	"github.com/nats-io/nats.go"

	"eventhook.dev/drivers/go/internal/protocol"
)

const (
	eventCapacity  = 1024
	streamCapacity = 256
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("nats-go: ")
	about := protocol.About{
		Protocol: 1,
		Name:     "nats-go",
		Version:  nats.Version,
		Language: "Go",
		Capabilities: protocol.Capabilities{
			EventCapacity:  eventCapacity,
			StreamCapacity: streamCapacity,
			Overflow:       "drop_newest",
			// The channel holds all that its subject brings, also what is filtered out when it is read.
			OverflowScope: "tenant",
			CausalOrder:   true,
			Introspection: true,
			// Half of what a server takes as it comes: encoding/json writes U+2028 in twice its bytes.
			MaxEventBytes: 512 << 10,
		},
	}
	url := cmp.Or(os.Getenv("NATS_URL"), nats.DefaultURL)
	err := protocol.Serve(context.Background(), about, bus{url}, os.Stdin, os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
}
