// Command gocloud-order shows that mempubsub delivers what one publisher sends in any order (PUB-06).
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/mempubsub"
)

func main() {
	ctx := context.Background()
	topic := mempubsub.NewTopic()
	subscription := mempubsub.NewSubscription(topic, time.Minute)
	for number := range 100 {
		if err := topic.Send(ctx, &pubsub.Message{Body: []byte{byte(number)}}); err != nil {
			log.Fatal(err)
		}
	}
	first := -1
	for number := range 100 {
		message, err := subscription.Receive(ctx)
		if err != nil {
			log.Fatal(err)
		}
		message.Ack()
		if first < 0 && int(message.Body[0]) != number {
			first = number
			fmt.Printf("expected message %d; seen: message %d\n", number, message.Body[0])
		}
	}
	if first < 0 {
		fmt.Println("expected some order; seen: the order of sending")
		os.Exit(1)
	}
}
