// Command watermill-gochannel is a driver for Watermill's in-memory Pub/Sub.
//
// With -block it uses BlockPublishUntilSubscriberAck, which makes another bus of it: ordered, and one
// whose publishers wait for its readers.
package main

import (
	"context"
	"flag"
	"log"
	"os"

	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"eventhook.dev/drivers/go/internal/protocol"
)

const (
	eventCapacity  = 1024
	streamCapacity = 256
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("watermill-gochannel: ")
	block := flag.Bool("block", false, "publish waits until every subscriber has acknowledged")
	flag.Parse()
	about := protocol.About{
		Protocol: 1,
		Name:     "watermill-gochannel",
		Version:  "1.5.1",
		Language: "Go",
		Capabilities: protocol.Capabilities{
			EventCapacity:  eventCapacity,
			StreamCapacity: streamCapacity,
			Overflow:       "unbounded",
			OverflowScope:  "subscription",
			MaxEventBytes:  512 << 10, // GoChannel knows no limit, but a line of the protocol has one
		},
	}
	if *block {
		about.Name += "-block"
		about.Capabilities.Overflow = "block"
		// A topic takes one message at a time, and the next only after all its subscribers had it.
		about.Capabilities.TotalOrder = true
		about.Capabilities.CausalOrder = true
	}
	pubSub := gochannel.NewGoChannel(gochannel.Config{BlockPublishUntilSubscriberAck: *block}, nil)
	err := protocol.Serve(context.Background(), about, &bus{pubSub}, os.Stdin, os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
}
