package main

import (
	"encoding/json"
	"sync"
	"time"
)

// maxBatch leaves room in a line for what stands around the events.
const maxBatch = maxLine - 1<<10

// subscription is a bounded buffer that drops the oldest.
type subscription struct {
	of       *client
	capacity int
	admits   func(body []byte) bool
	detach   func() error
	changed  chan struct{}

	mu      sync.Mutex
	events  []json.RawMessage
	dropped int
	ended   bool
}

func (s *subscription) sink(body []byte) {
	if !s.admits(body) {
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
	s.events = append(s.events, body)
	s.wake()
}

func (s *subscription) end(discard bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if discard {
		s.events = nil
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
	Ended   bool              `json:"ended"`
	Dropped int               `json:"dropped"`
}

func (s *subscription) take(most int) batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken, size := 0, 0
	for taken < min(most, len(s.events)) {
		size += len(s.events[taken]) + 1
		if taken > 0 && size > maxBatch {
			break
		}
		taken++
	}
	events := append([]json.RawMessage{}, s.events[:taken]...)
	s.events = s.events[taken:]
	return batch{events, s.ended && taken == 0, s.dropped}
}

// attaching returns how a subscription is attached; this bus begins each with what comes next.
func attaching(bus *Bus, kind, key string, _ json.RawMessage) (attach, error) {
	return func(held *subscription) (detach func() error, err error) {
		return bus.Attach(kind, key, held.sink)
	}, nil
}
