package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// lineRoom is what the events of one answer may take of a line.
const lineRoom = maxLineBytes - 4096

type subscription struct {
	feed Feed
	// left is done once the subscription was left.
	left  context.Context
	leave context.CancelFunc

	reading sync.Mutex
	held    []byte // taken from the feed, for which the last line had no room
}

func newSubscription(feed Feed) *subscription {
	left, leave := context.WithCancel(context.Background())
	return &subscription{feed: feed, left: left, leave: leave}
}

// next waits for one event, then takes what is there, up to most events and one line.
func (s *subscription) next(most int, timeout time.Duration) (read, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	waiting, cancel := context.WithTimeout(s.left, timeout)
	defer cancel()

	events, room := []json.RawMessage{}, lineRoom
	body, err := s.take(waiting)
	cancel() // what follows does not wait
	for err == nil && (len(events) == 0 || len(body) < room) {
		events, room = append(events, body), room-len(body)-1
		if len(events) == most {
			body = nil
			break
		}
		body, err = s.take(waiting)
	}
	if err == nil {
		s.held = body
	}
	switch {
	case s.left.Err() != nil:
		return read{Events: []json.RawMessage{}, Ended: true, Dropped: s.feed.Dropped()}, nil
	case len(events) == 0 && errors.Is(err, ErrLost):
		return read{}, asFault(codeSubscriptionLost, err)
	}
	ended := len(events) == 0 && errors.Is(err, ErrEnded)
	return read{Events: events, Ended: ended, Dropped: s.feed.Dropped()}, nil
}

func (s *subscription) take(ctx context.Context) ([]byte, error) {
	if held := s.held; held != nil {
		s.held = nil
		return held, nil
	}
	message, err := s.feed.Receive(ctx)
	if err != nil {
		return nil, err
	}
	return message.Encode(), nil
}
