package protocol

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"eventhook.dev/drivers/go/internal/wire"
)

// closeLimit bounds the closing of what is still open at the end.
const closeLimit = 3 * time.Second

// Serve answers the requests that it reads until `shutdown` or the end of the input.
func Serve(ctx context.Context, about About, bus Bus, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &server{
		about:         about,
		bus:           bus,
		out:           out,
		clients:       map[string]*client{},
		subscriptions: map[string]*subscription{},
	}
	defer s.closeAll()

	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 64<<10), maxLineBytes+1)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return fmt.Errorf("this line is no request: %w", err)
		}
		// A request begins here, in its turn, and finishes in its own time.
		finish, err := s.begin(asked)
		if err != nil {
			s.answer(asked.ID, nil, err)
			continue
		}
		if asked.Method == "shutdown" {
			s.answer(asked.ID, nothing{}, nil)
			return nil
		}
		go func() {
			result, err := finish(ctx)
			s.answer(asked.ID, result, err)
		}()
	}
	return lines.Err()
}

type server struct {
	about   About
	bus     Bus
	writing sync.Mutex
	out     io.Writer

	mu            sync.Mutex
	clients       map[string]*client
	subscriptions map[string]*subscription
	names         int
}

// client is a Client and whether the suite has closed it.
type client struct {
	Client
	closed bool // guarded by the server's mu
	once   sync.Once
}

func (c *client) close() { c.once.Do(c.Close) }

// finish is the rest of a request, which may wait.
type finish func(ctx context.Context) (any, error)

func done(result any) finish {
	return func(context.Context) (any, error) { return result, nil }
}

// begin does the part of a request that depends on the order of the lines; it never waits.
func (s *server) begin(asked request) (finish, error) {
	var p params
	if err := json.Unmarshal(asked.Params, &p); err != nil {
		return nil, faultf(codeInvalidRequest, "the params of %s: %v", asked.Method, err)
	}
	switch asked.Method {
	case "initialize":
		return done(s.about), nil
	case "shutdown":
		return done(nothing{}), nil
	case "open":
		return s.open(p), nil
	case "next", "unsubscribe":
		return s.ofSubscription(asked.Method, p)
	case "close":
		return s.close(p)
	case "publish", "publish_stream", "subscribe", "subscribe_stream", "purge", "cleanup", "channels":
		return s.ofClient(asked.Method, p)
	}
	return nil, faultf(codeUnknownMethod, "there is no method %q", asked.Method)
}

func (s *server) open(p params) finish {
	return func(ctx context.Context) (any, error) {
		var address string
		if p.Address != nil {
			address = *p.Address
		}
		made, err := s.bus.Open(ctx, address)
		if err != nil {
			return nil, asFault(codeFault, err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		name := s.name("c")
		s.clients[name] = &client{Client: made}
		return opened{name}, nil
	}
}

func (s *server) close(p params) (finish, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.clients[p.Client]
	if !known {
		return nil, faultf(codeUnknownName, "there is no client %q", p.Client)
	}
	c.closed = true
	return func(context.Context) (any, error) {
		c.close()
		return nothing{}, nil
	}, nil
}

func (s *server) ofClient(method string, p params) (finish, error) {
	s.mu.Lock()
	c, known := s.clients[p.Client]
	closed := known && c.closed
	s.mu.Unlock()
	switch {
	case !known:
		return nil, faultf(codeUnknownName, "there is no client %q", p.Client)
	case closed:
		return nil, faultf(codeClosed, "%s was closed", p.Client)
	}
	switch method {
	case "publish":
		event, err := wire.ParseEvent(p.Event)
		return publishing(c, event, err)
	case "publish_stream":
		event, err := wire.ParseStreamEvent(p.Event)
		return publishing(c, event, err)
	case "subscribe":
		pattern, err := wire.ParsePattern(p.Pattern)
		return s.subscribing(c, pattern, p, err)
	case "subscribe_stream":
		var text string
		if err := json.Unmarshal(p.WorkflowExecutionID, &text); err != nil {
			return nil, asFault(codeInvalidPattern, err)
		}
		key, err := wire.ParseStreamKey(text)
		return s.subscribing(c, key, p, err)
	case "purge":
		return s.purging(c, p)
	}
	inspector, able := c.Client.(Inspector)
	if !able {
		return nil, faultf(codeUnknownMethod, "%s cannot count its channels", s.about.Name)
	}
	if method == "cleanup" {
		// A channel goes with its last subscription, so nothing is ever left to clean up.
		return done(removed{}), nil
	}
	events, streams := inspector.Channels()
	return done(counted{events, streams}), nil
}

func publishing(c *client, message wire.Message, invalid error) (finish, error) {
	if invalid != nil {
		return nil, asFault(codeInvalidEvent, invalid)
	}
	return func(ctx context.Context) (any, error) {
		return nothing{}, asFault(codePublishFailed, c.Publish(ctx, message))
	}, nil
}

func (s *server) subscribing(c *client, selector wire.Selector, p params, invalid error) (finish, error) {
	if invalid != nil {
		return nil, asFault(codeInvalidPattern, invalid)
	}
	since, err := parseSince(p.Since)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (any, error) {
		feed, err := subscribeSince(ctx, c, selector, since)
		if err != nil {
			return nil, asFault(codeSubscribeFailed, err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		name := s.name("s")
		s.subscriptions[name] = newSubscription(feed)
		return subscribed{name}, nil
	}, nil
}

func (s *server) ofSubscription(method string, p params) (finish, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held, known := s.subscriptions[p.Subscription]
	if !known {
		return nil, faultf(codeUnknownName, "there is no subscription %q", p.Subscription)
	}
	if method == "next" {
		return func(context.Context) (any, error) {
			return held.next(p.Max, time.Duration(p.TimeoutMS)*time.Millisecond)
		}, nil
	}
	delete(s.subscriptions, p.Subscription)
	held.leave()
	return func(context.Context) (any, error) {
		return nothing{}, asFault(codeFault, held.feed.Leave())
	}, nil
}

// name makes a fresh name; the caller holds mu.
func (s *server) name(letter string) string {
	s.names++
	return fmt.Sprintf("%s%d", letter, s.names)
}

func (s *server) answer(id int64, result any, err error) {
	answered := response{JSONRPC: "2.0", ID: id, Result: result}
	if err != nil {
		answered.Result = nil
		if !errors.As(err, &answered.Error) {
			answered.Error = faultf(codeFault, "%v", err)
		}
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line) // ends what it writes with a line feed
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answered); err != nil {
		panic(err) // the answers are our own types
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	// Where nobody reads any more, the end of the input follows.
	_, _ = s.out.Write(line.Bytes())
}

func (s *server) closeAll() {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.clients {
			c.close()
		}
	}()
	select {
	case <-closed:
	case <-time.After(closeLimit):
	}
}
