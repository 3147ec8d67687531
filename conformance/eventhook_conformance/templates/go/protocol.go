package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"sync"
	"time"
)

const (
	maxLine = 4 << 20

	invalidEvent    = -32001
	invalidPattern  = -32002
	publishFailed   = -32003
	clientClosed    = -32004
	subscribeFailed = -32005
	unknownMethod   = -32601
	unknownName     = -32602
	driverFault     = -32603
)

// refusal is an error of the protocol.
type refusal struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (r *refusal) Error() string { return r.Message }

func refuse(code int, format string, arguments ...any) error {
	return &refusal{code, fmt.Sprintf(format, arguments...)}
}

// coded gives an error of the bus the code of what was asked of it, unless it has one.
func coded(code int, err error) error {
	if err == nil || errors.As(err, new(*refusal)) {
		return err
	}
	return refuse(code, "%v", err)
}

type client struct {
	bus    *Bus
	closed bool // guarded by the driver's mu
}

type driver struct {
	mu            sync.Mutex
	clients       map[string]*client
	subscriptions map[string]*subscription
	names         int
}

type request struct {
	ID     int64  `json:"id"`
	Method string `json:"method"`
	Params struct {
		Address      string          `json:"address"`
		Client       string          `json:"client"`
		Event        json.RawMessage `json:"event"`
		Pattern      json.RawMessage `json:"pattern"`
		Key          string          `json:"workflow_execution_id"`
		Since        json.RawMessage `json:"since"`
		Subscription string          `json:"subscription"`
		Max          int             `json:"max"`
		TimeoutMS    int64           `json:"timeout_ms"`
	} `json:"params"`
}

type result map[string]any

// attach makes a subscription active.
type attach func(held *subscription) (detach func() error, err error)

// finish is the rest of a request, which may wait.
type finish func() (any, error)

func done(answer any) finish { return func() (any, error) { return answer, nil } }

// begin does the part of a request that depends on the order of the lines; it never waits.
func (d *driver) begin(asked request) (finish, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	params := asked.Params
	switch asked.Method {
	case "initialize":
		return done(about), nil
	case "shutdown":
		return done(result{}), nil
	case "open":
		return func() (any, error) { return d.open(params.Address) }, nil
	case "next", "unsubscribe":
		held, known := d.subscriptions[params.Subscription]
		if !known {
			return nil, refuse(unknownName, "there is no subscription %q", params.Subscription)
		}
		if asked.Method == "next" {
			limit := time.Duration(params.TimeoutMS) * time.Millisecond
			return func() (any, error) { return held.next(params.Max, limit), nil }, nil
		}
		delete(d.subscriptions, params.Subscription)
		held.end(true)
		return func() (any, error) { return result{}, coded(driverFault, held.detach()) }, nil
	case "close", "publish", "publish_stream", "subscribe", "subscribe_stream", "cleanup", "channels":
	default:
		return nil, refuse(unknownMethod, "there is no method %q", asked.Method)
	}

	its, known := d.clients[params.Client]
	switch {
	case !known:
		return nil, refuse(unknownName, "there is no client %q", params.Client)
	case asked.Method == "close" && its.closed:
		return done(result{}), nil
	case its.closed:
		return nil, refuse(clientClosed, "%s was closed", params.Client)
	}
	if (asked.Method == "cleanup" || asked.Method == "channels") && !counts() {
		return nil, refuse(unknownMethod, "%s is not supported: introspection is not claimed", asked.Method)
	}
	switch asked.Method {
	case "close":
		its.closed = true
		return func() (any, error) { return result{}, coded(driverFault, d.close(its)) }, nil
	case "publish":
		event, err := checked(invalidEvent, params.Event, eventForm)
		return publishing(its, "event", event, "tenant_id", err)
	case "publish_stream":
		event, err := checked(invalidEvent, params.Event, streamEventForm)
		return publishing(its, "stream", event, "workflowExecutionId", err)
	case "subscribe":
		pattern, err := checked(invalidPattern, params.Pattern, patternForm)
		if err != nil {
			return nil, err
		}
		admits := func(body []byte) bool { return matches(pattern, body) }
		return d.attaching(its, "event", pattern["tenant_id"].(string), params.Since, admits)
	case "subscribe_stream":
		if !isKey(params.Key) {
			return nil, refuse(invalidPattern, "%q is no stream's key", params.Key)
		}
		return d.attaching(its, "stream", params.Key, params.Since, func([]byte) bool { return true })
	case "cleanup":
		return done(result{"removed": 0}), nil
	}
	events, streams := its.bus.Channels()
	return done(result{"events": events, "streams": streams}), nil
}

// counts tells whether the capabilities claim introspection, as they do unless they say otherwise.
func counts() bool {
	claims, _ := about["capabilities"].(map[string]any)
	claimed, said := claims["introspection"].(bool)
	return claimed || !said
}

func (d *driver) open(address string) (any, error) {
	bus, err := OpenBus(address)
	if err != nil {
		return nil, coded(driverFault, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name := d.name("c")
	d.clients[name] = &client{bus: bus}
	return result{"client": name}, nil
}

func (d *driver) close(its *client) error {
	var problems []error
	for _, held := range d.subscriptionsOf(its) {
		held.end(false)
		problems = append(problems, held.detach())
	}
	return errors.Join(append(problems, its.bus.Disconnect())...)
}

func (d *driver) subscriptionsOf(its *client) (held []*subscription) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.subscriptions {
		if one.of == its {
			held = append(held, one)
		}
	}
	return held
}

func publishing(its *client, kind string, event members, key string, err error) (finish, error) {
	if err != nil {
		return nil, err
	}
	return func() (any, error) {
		return result{}, coded(publishFailed, its.bus.Send(kind, event[key].(string), encode(event)))
	}, nil
}

func (d *driver) attaching(
	its *client, kind, key string, since json.RawMessage, admits func([]byte) bool,
) (finish, error) {
	attach, err := attaching(its.bus, kind, key, since)
	if err != nil {
		return nil, err
	}
	return func() (any, error) {
		held := &subscription{of: its, capacity: capacity[kind], admits: admits}
		held.changed = make(chan struct{}, 1)
		detach, err := attach(held)
		if err != nil {
			return nil, coded(subscribeFailed, err)
		}
		held.detach = sync.OnceValue(detach)
		d.mu.Lock()
		defer d.mu.Unlock()
		if its.closed { // while it was attached
			return nil, errors.Join(refuse(clientClosed, "the client was closed"), held.detach())
		}
		name := d.name("s")
		d.subscriptions[name] = held
		return result{"subscription": name}, nil
	}, nil
}

// name makes a fresh name; the caller holds mu.
func (d *driver) name(letter string) string {
	d.names++
	return fmt.Sprintf("%s%d", letter, d.names)
}

// serve answers requests until `shutdown` or the end of the input. They begin in the order in which
// they come, and finish in any.
func serve(in io.Reader, out io.Writer) {
	d := &driver{clients: map[string]*client{}, subscriptions: map[string]*subscription{}}
	var writing sync.Mutex
	answer := func(id int64, found any, err error) {
		reply := map[string]any{"jsonrpc": "2.0", "id": id, "result": found}
		if err != nil {
			delete(reply, "result")
			var why *refusal
			if !errors.As(err, &why) {
				why = &refusal{driverFault, err.Error()}
			}
			reply["error"] = why
		}
		writing.Lock()
		defer writing.Unlock()
		// Where nobody reads any more, the end of the input follows.
		_, _ = out.Write(append(encode(reply), '\n'))
	}

	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine+1)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			log.Fatalf("this line is no request: %v", err)
		}
		finish, err := d.begin(asked)
		switch {
		case err != nil:
			answer(asked.ID, nil, err)
		case asked.Method == "shutdown":
			answer(asked.ID, result{}, nil)
			return
		default:
			go func() {
				found, err := finish()
				answer(asked.ID, found, err)
			}()
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}
