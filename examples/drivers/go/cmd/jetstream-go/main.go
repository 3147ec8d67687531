// Command jetstream-go is a driver for JetStream through nats.go: a bus with a history. The server is that of
// NATS_URL, and runs JetStream.
package main

import (
	"cmp"
	"context"
	"log"
	"os"

	"github.com/nats-io/nats.go"

	"eventhook.dev/drivers/go/internal/protocol"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("jetstream-go: ")
	sides := []string{"events", "streams"}
	about := protocol.About{
		Protocol: 2,
		Name:     "jetstream-go",
		Version:  nats.Version,
		Language: "Go",
		Capabilities: protocol.Capabilities{
			EventCapacity:  1024,
			StreamCapacity: 256,
			// What a reader has not taken waits in the client without a bound.
			Overflow:      "unbounded",
			OverflowScope: "subscription",
			TotalOrder:    true,
			CausalOrder:   true,
			MaxEventBytes: 512 << 10,
			ReplayClaims: &protocol.ReplayClaims{
				Profiles:       append([]string{"replay"}, sides...),
				Replay:         sides,
				ReplaySeconds:  historyLasts.Seconds(),
				ReplaySurvives: "client",
			},
		},
	}
	url := cmp.Or(os.Getenv("NATS_URL"), nats.DefaultURL)
	err := protocol.Serve(context.Background(), about, bus{url}, os.Stdin, os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
}
