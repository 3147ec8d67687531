// Command watermill-order shows that GoChannel delivers what one publisher sends in any order (PUB-06).
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
)

const messages = 1000

func main() {
	bus := gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: messages}, watermill.NopLogger{})
	received, err := bus.Subscribe(context.Background(), "news")
	if err != nil {
		log.Fatal(err)
	}
	for number := range messages {
		sent := message.NewMessage(watermill.NewUUID(), []byte(strconv.Itoa(number)))
		if err := bus.Publish("news", sent); err != nil {
			log.Fatal(err)
		}
	}
	for number := range messages {
		got := <-received
		got.Ack()
		if string(got.Payload) != strconv.Itoa(number) {
			fmt.Printf("expected message %d; seen: message %s\n", number, got.Payload)
			return
		}
	}
	fmt.Println("expected some order; seen: the order of sending")
	os.Exit(1)
}
