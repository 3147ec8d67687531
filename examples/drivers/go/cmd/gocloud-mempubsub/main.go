// Command gocloud-mempubsub is a driver for the in-memory Pub/Sub of the Go CDK, gocloud.dev/pubsub.
package main

import (
	"context"
	"log"
	"os"

	"eventhook.dev/drivers/go/internal/protocol"
)

const (
	eventCapacity  = 1024
	streamCapacity = 256
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gocloud-mempubsub: ")
	about := protocol.About{
		Protocol: 1,
		Name:     "gocloud-mempubsub",
		Version:  "0.49.0",
		Language: "Go",
		Capabilities: protocol.Capabilities{
			EventCapacity:  eventCapacity,
			StreamCapacity: streamCapacity,
			Overflow:       "unbounded",
			OverflowScope:  "subscription",
			MaxEventBytes:  512 << 10, // mempubsub knows no limit, but a line of the protocol has one
		},
	}
	if err := protocol.Serve(context.Background(), about, newBus(), os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}
