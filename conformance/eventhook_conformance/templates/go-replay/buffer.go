package main

import (
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// maxBatch leaves room in a line for what stands around the events.
const maxBatch = maxLine - 1<<10

// subscription is what is left of the history, then a bounded buffer that drops the oldest.
type subscription struct {
	of       *client
	capacity int
	admits   func(body []byte) bool
	detach   func() error
	changed  chan struct{}

	mu      sync.Mutex
	past    []Message
	events  []Message
	dropped int
	ended   bool
}

// Replay takes what is kept. It is called at most once, before anything is taken by Hear.
func (s *subscription) Replay(kept []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range kept {
		if s.admits(one.Body) {
			s.past = append(s.past, one)
		}
	}
}

// Hear takes what comes.
func (s *subscription) Hear(one Message) {
	if !s.admits(one.Body) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if len(s.events) == s.capacity {
		s.events = s.events[1:]
		s.dropped++
	}
	s.events = append(s.events, one)
	s.wake()
}

func (s *subscription) end(discard bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if discard {
		s.past, s.events = nil, nil
	}
	s.ended = true
	s.wake()
}

func (s *subscription) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *subscription) next(most int, limit time.Duration) any {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		batch := s.take(most)
		if len(batch.Events) > 0 || batch.Ended {
			return batch
		}
		select {
		case <-s.changed:
		case <-timer.C:
			return s.take(most)
		}
	}
}

type batch struct {
	Events  []json.RawMessage `json:"events"`
	Cursors []string          `json:"cursors"`
	Ended   bool              `json:"ended"`
	Dropped int               `json:"dropped"`
}

func (s *subscription) take(most int) batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := batch{[]json.RawMessage{}, []string{}, s.ended, s.dropped}
	for size := 0; len(found.Events) < most; found.Ended = false {
		from := &s.past
		if len(s.past) == 0 {
			from = &s.events
		}
		if len(*from) == 0 {
			break
		}
		one := (*from)[0]
		size += len(one.Body) + len(one.Cursor) + 4
		if len(found.Events) > 0 && size > maxBatch {
			break
		}
		*from = (*from)[1:]
		found.Events = append(found.Events, one.Body)
		found.Cursors = append(found.Cursors, one.Cursor)
	}
	return found
}

const (
	invalidCursor = -32007
	cursorExpired = -32008
)

// attaching returns how a subscription is attached since a beginning.
func attaching(bus *Bus, kind, key string, since json.RawMessage) (attach, error) {
	begin, err := beginning(since)
	if err != nil {
		return nil, err
	}
	return func(held *subscription) (detach func() error, err error) {
		detach, err = bus.Attach(kind, key, begin, held)
		switch {
		case errors.Is(err, ErrInvalidCursor):
			err = refuse(invalidCursor, "%v", err)
		case errors.Is(err, ErrCursorExpired):
			err = refuse(cursorExpired, "%v", err)
		}
		return detach, err
	}, nil
}

// beginning reads where a subscription begins; without `since`, with what comes next.
func beginning(text json.RawMessage) (Since, error) {
	var named struct {
		Cursor *string `json:"cursor"`
	}
	switch string(text) {
	case "", `"live"`:
		return Since{}, nil
	case `"start"`:
		return Since{Start: true}, nil
	}
	if err := json.Unmarshal(text, &named); err != nil || named.Cursor == nil {
		return Since{}, refuse(driverFault, "%s is no beginning", text)
	}
	return Since{Cursor: *named.Cursor}, nil
}
