package protocol

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"eventhook.dev/drivers/go/internal/wire"
)

const limit = 10 * time.Second

// pipeBus is one stream that everybody shares.
type pipeBus struct {
	messages chan wire.Message
	ended    chan struct{}
}

func (b *pipeBus) Open(context.Context, string) (Client, error) { return b, nil }

func (b *pipeBus) Publish(ctx context.Context, message wire.Message) error {
	select {
	case b.messages <- message:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *pipeBus) Subscribe(context.Context, wire.Selector) (Feed, error) { return b, nil }

func (b *pipeBus) Close() { close(b.ended) }

func (b *pipeBus) Receive(ctx context.Context) (wire.Message, error) {
	return Next(ctx, b.messages, b.ended)
}

func (b *pipeBus) Dropped() int { return 3 }

func (b *pipeBus) Leave() error { return nil }

// session is the suite's side of a driver.
type session struct {
	t       *testing.T
	in      io.WriteCloser
	answers chan string
	served  chan error
}

func serve(t *testing.T, capacity int) *session {
	t.Helper()
	in, write := io.Pipe()
	read, out := io.Pipe()
	s := &session{t, write, make(chan string, 100), make(chan error, 1)}
	go func() {
		bus := &pipeBus{make(chan wire.Message, capacity), make(chan struct{})}
		s.served <- Serve(context.Background(), About{Name: "pipe"}, bus, in, out)
		out.Close()
	}()
	go func() {
		lines := bufio.NewReader(read)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			s.answers <- strings.TrimSuffix(line, "\n")
		}
	}()
	t.Cleanup(func() {
		write.Close()
		select {
		case err := <-s.served:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(limit):
			t.Error("Serve goes on after the end of its input")
		}
	})
	return s
}

func (s *session) send(id int, method, params string) {
	s.t.Helper()
	if _, err := fmt.Fprintf(s.in, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`+"\n", id, method, params); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) expect(id int, rest string) {
	s.t.Helper()
	want := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,%s}`, id, rest)
	select {
	case got := <-s.answers:
		if got != want {
			s.t.Fatalf("got  %s\nwant %s", got, want)
		}
	case <-time.After(limit):
		s.t.Fatalf("no answer; want %s", want)
	}
}

func (s *session) expectError(id, code int) {
	s.t.Helper()
	select {
	case got := <-s.answers:
		var answered response
		if err := json.Unmarshal([]byte(got), &answered); err != nil {
			s.t.Fatal(err)
		}
		if answered.ID != int64(id) || answered.Error == nil || answered.Error.Code != code {
			s.t.Fatalf("got %s, want error %d of request %d", got, code, id)
		}
	case <-time.After(limit):
		s.t.Fatalf("no answer to %d", id)
	}
}

// subscribed opens c1 and its subscription s2.
func (s *session) subscribed() {
	s.t.Helper()
	s.send(1, "open", `{"address":null}`)
	s.expect(1, `"result":{"client":"c1"}`)
	s.send(2, "subscribe_stream", `{"client":"c1","workflow_execution_id":"w"}`)
	s.expect(2, `"result":{"subscription":"s2"}`)
}

func event(payload string) string {
	return `{"taskExecutionId":"","workflowExecutionId":"w","sequence":0,"type":"TOKEN","payload":"` +
		payload + `","timestampMs":1}`
}

func publish(payload string) string { return `{"client":"c1","event":` + event(payload) + `}` }

const (
	longNext = `{"subscription":"s2","max":10,"timeout_ms":60000}`
	pollNext = `{"subscription":"s2","max":10,"timeout_ms":0}`
	ended    = `"result":{"events":[],"ended":true,"dropped":3}`
)

func TestWaitingReadHoldsUpNothing(t *testing.T) {
	s := serve(t, 0)
	s.subscribed()
	s.send(3, "next", longNext)
	s.send(4, "channels", `{"client":"c1"}`)
	s.expectError(4, codeUnknownMethod)
	s.send(5, "publish_stream", publish("<x>"))
	answers := []string{<-s.answers, <-s.answers}
	for _, want := range []string{
		`{"jsonrpc":"2.0","id":3,"result":{"events":[` + event("<x>") + `],"ended":false,"dropped":3}}`,
		`{"jsonrpc":"2.0","id":5,"result":{}}`,
	} {
		if answers[0] != want && answers[1] != want {
			t.Errorf("got  %v\nwant %s among them", answers, want)
		}
	}
}

func TestBufferedComesBeforeTheEnd(t *testing.T) {
	s := serve(t, 2)
	s.subscribed()
	for id, payload := range []string{"a", "b"} {
		s.send(3+id, "publish_stream", publish(payload))
		s.expect(3+id, `"result":{}`)
	}
	for range 2 {
		s.send(5, "close", `{"client":"c1"}`)
		s.expect(5, `"result":{}`)
	}
	s.send(6, "next", `{"subscription":"s2","max":1,"timeout_ms":0}`)
	s.expect(6, `"result":{"events":[`+event("a")+`],"ended":false,"dropped":3}`)
	s.send(7, "next", longNext)
	s.expect(7, `"result":{"events":[`+event("b")+`],"ended":false,"dropped":3}`)
	for _, params := range []string{longNext, pollNext} {
		s.send(8, "next", params)
		s.expect(8, ended)
	}
	s.send(9, "publish_stream", `{"client":"c1","event":{}}`)
	s.expectError(9, codeClosed)
}

func TestLeavingEndsAWaitingRead(t *testing.T) {
	s := serve(t, 0)
	s.subscribed()
	s.send(3, "next", longNext)
	s.send(4, "unsubscribe", `{"subscription":"s2"}`)
	answers := []string{<-s.answers, <-s.answers}
	if want := `{"jsonrpc":"2.0","id":3,` + ended + `}`; answers[0] != want && answers[1] != want {
		t.Errorf("got  %v\nwant %s among them", answers, want)
	}
	s.send(5, "next", pollNext)
	s.expectError(5, codeUnknownName)
}

func TestAnswersFitOnALine(t *testing.T) {
	const count = 5
	s := serve(t, count)
	s.subscribed()
	for range count {
		s.send(3, "publish_stream", publish(strings.Repeat("x", 1<<20)))
		s.expect(3, `"result":{}`)
	}
	for events := 0; events < count; {
		s.send(4, "next", pollNext)
		line := <-s.answers
		got := strings.Count(line, `"payload"`)
		if len(line) >= maxLineBytes || got == 0 {
			t.Fatalf("a line of %d bytes with %d events", len(line), got)
		}
		events += got
	}
}

func TestRefusals(t *testing.T) {
	s := serve(t, 1)
	s.subscribed()
	for _, refused := range []struct {
		method, params string
		code           int
	}{
		{"dance", `{}`, codeUnknownMethod},
		{"publish", `{"client":"c9","event":{}}`, codeUnknownName},
		{"publish", `{"client":"c1","event":{}}`, codeInvalidEvent},
		{"publish_stream", `{"client":"c1","event":{}}`, codeInvalidEvent},
		{"subscribe", `{"client":"c1","pattern":{}}`, codeInvalidPattern},
		{"subscribe_stream", `{"client":"c1","workflow_execution_id":"*"}`, codeInvalidPattern},
		{"subscribe_stream", `{"client":"c1","workflow_execution_id":7}`, codeInvalidPattern},
		{"next", `{"subscription":"s9","max":1,"timeout_ms":0}`, codeUnknownName},
		{"unsubscribe", `{"subscription":"c1"}`, codeUnknownName},
	} {
		s.send(3, refused.method, refused.params)
		s.expectError(3, refused.code)
	}
}

func TestTheBeginningIsChecked(t *testing.T) {
	s := serve(t, 1)
	s.subscribed()
	for since, code := range map[string]int{
		`"start"`:          codeUnknownMethod,
		`{"cursor":"1-a"}`: codeUnknownMethod,
		`{"cursor":"1 a"}`: codeInvalidCursor,
		`{"cursor":""}`:    codeInvalidCursor,
		`{"cursor":null}`:  codeInvalidRequest,
		`"the day before"`: codeInvalidRequest,
	} {
		s.send(3, "subscribe_stream", `{"client":"c1","workflow_execution_id":"w","since":`+since+`}`)
		s.expectError(3, code)
	}
	s.send(4, "purge", `{"client":"c1","workflow_execution_id":"w"}`)
	s.expectError(4, codeUnknownMethod)
}

func TestShutdownIsAnsweredThenServeReturns(t *testing.T) {
	s := serve(t, 0)
	s.subscribed()
	s.send(3, "next", longNext)
	s.send(4, "shutdown", `{}`)
	s.expect(4, `"result":{}`)
}
