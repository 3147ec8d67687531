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
	held    *taken // taken from the feed, for which the last line had no room
}

// taken is an event, with its cursor where the feed has cursors.
type taken struct {
	body   []byte
	cursor string
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
	var cursors []string
	one, err := s.take(waiting)
	cancel() // what follows does not wait
	for err == nil && (len(events) == 0 || one.size() < room) {
		events, room = append(events, one.body), room-one.size()
		if one.cursor != "" {
			cursors = append(cursors, one.cursor)
		}
		if len(events) == most {
			one = nil
			break
		}
		one, err = s.take(waiting)
	}
	if err == nil {
		s.held = one
	}
	switch {
	case s.left.Err() != nil:
		return read{Events: []json.RawMessage{}, Ended: true, Dropped: s.feed.Dropped()}, nil
	case len(events) == 0 && errors.Is(err, ErrLost):
		return read{}, asFault(codeSubscriptionLost, err)
	}
	ended := len(events) == 0 && errors.Is(err, ErrEnded)
	return read{Events: events, Cursors: cursors, Ended: ended, Dropped: s.feed.Dropped()}, nil
}

// size is what it takes of a line: the event, its cursor, and what stands between.
func (t *taken) size() int { return len(t.body) + len(t.cursor) + 4 }

func (s *subscription) take(ctx context.Context) (*taken, error) {
	if held := s.held; held != nil {
		s.held = nil
		return held, nil
	}
	message, err := s.feed.Receive(ctx)
	if err != nil {
		return nil, err
	}
	one := &taken{body: message.Encode()}
	if positioned, able := s.feed.(Positioned); able {
		one.cursor = positioned.Cursor()
	}
	return one, nil
}
