package wire

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestEventIsKeptAsItIs(t *testing.T) {
	const text = `{"id":"` + tenant + `","tenant_id":"` + tenant + `",` +
		`"workflow_execution_id":null,"task_execution_id":"` + tenant + `",` +
		`"event_type":"a.b","source":"<&>","data":{"":[1.10,1e22,-0,"\u0000😀"]},` +
		`"timestamp_ms":-9007199254740991,"correlation_id":""}`
	event, err := ParseEvent([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(event.Encode()); got != text {
		t.Errorf("got  %s\nwant %s", got, text)
	}
}

func TestEventOfAnotherWriter(t *testing.T) {
	capitals := strings.ToUpper(tenant)
	text := `{"Source":"unknown","timestamp_ms":1e3,"data":false,"source":"s","event_type":"a.b",` +
		`"tenant_id":"` + capitals + `","\u0069d":"` + capitals + `","zz":[]}`
	event, err := ParseEvent([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if event.ID != tenant || event.TenantID != tenant {
		t.Errorf("its ids are %s and %s, want lower case", event.ID, event.TenantID)
	}
	if event.Source != "s" {
		t.Errorf("its source is %q: an unknown member was taken for it", event.Source)
	}
	if event.TimestampMS != 1000 || event.CorrelationID != nil {
		t.Errorf("timestamp_ms %d, correlation_id %v", event.TimestampMS, event.CorrelationID)
	}
}

func TestInvalidEvents(t *testing.T) {
	deep := strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1)
	for name, text := range map[string]string{
		"no JSON":                  `{`,
		"null":                     `null`,
		"an array":                 `[]`,
		"no data":                  strings.Replace(with("id", tenant), `"data":null,`, "", 1),
		"a number for text":        with("source", 1),
		"null for text":            with("source", nil),
		"an id of another form":    with("id", strings.ReplaceAll(tenant, "-", "")),
		"half a millisecond":       with("timestamp_ms", 1.5),
		"a time beyond 2^53":       with("timestamp_ms", 1<<53),
		"text for a time":          with("timestamp_ms", "1"),
		"a large integer":          with("data", []any{1 << 53}),
		"a number beyond doubles":  with("data", json.RawMessage("1e400")),
		"deep data":                with("data", json.RawMessage(deep)),
		"a lone high surrogate":    with("data", json.RawMessage(`"\ud800x"`)),
		"a lone low surrogate":     with("data", json.RawMessage(`{"\udc00":1}`)),
		"two high surrogates":      with("data", json.RawMessage(`"\ud800\ud800\udc00"`)),
		"bytes that are no UTF-8":  strings.Replace(with("id", tenant), `"s"`, "\"\xff\"", 1),
		"a type as a wildcard":     with("event_type", "a.>"),
		"a correlation id, number": with("correlation_id", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if event, err := ParseEvent([]byte(text)); err == nil {
				t.Errorf("taken as %+v", event)
			}
		})
	}
}

func TestSurrogatePairsAndBackslashes(t *testing.T) {
	for _, data := range []string{`"\ud83d\ude00"`, `"\\ud800"`, `"\\\\ud800\""`} {
		if _, err := ParseEvent([]byte(with("data", json.RawMessage(data)))); err != nil {
			t.Errorf("%s is refused: %v", data, err)
		}
	}
}

func TestStreamEvents(t *testing.T) {
	const right = `{"taskExecutionId":"","workflowExecutionId":"w","sequence":7,"type":"TOKEN",` +
		`"payload":" \r\n","timestampMs":1}`
	event, err := ParseStreamEvent([]byte(right))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(event.Encode()); got != right {
		t.Errorf("got  %s\nwant %s", got, right)
	}
	for _, change := range [][2]string{{"TOKEN", "token"}, {`"w"`, `"w.x"`}, {":7", ":true"}, {`" \r\n"`, "null"}} {
		if _, err := ParseStreamEvent([]byte(strings.Replace(right, change[0], change[1], 1))); err == nil {
			t.Errorf("%s for %s is taken", change[1], change[0])
		}
	}
}
