// Package wire holds events, stream events and patterns: their JSON forms, and what makes them valid.
package wire

import (
	"bytes"
	"encoding/json"
)

// Message is an *Event or a *StreamEvent.
type Message interface {
	// Encode gives the wire form.
	Encode() []byte
}

// Event is a lifecycle event of one tenant. UUIDs are in lower case.
type Event struct {
	ID                  string          `json:"id"`
	TenantID            string          `json:"tenant_id"`
	WorkflowExecutionID *string         `json:"workflow_execution_id"`
	TaskExecutionID     *string         `json:"task_execution_id"`
	EventType           string          `json:"event_type"`
	Source              string          `json:"source"`
	Data                json.RawMessage `json:"data"`
	TimestampMS         int64           `json:"timestamp_ms"`
	CorrelationID       *string         `json:"correlation_id"`
}

// ParseEvent reads the wire form. Unknown members are ignored, missing optionals are nil.
func ParseEvent(text []byte) (*Event, error) {
	m := readMembers(text)
	event := &Event{
		ID:                  m.uuid("id"),
		TenantID:            m.uuid("tenant_id"),
		WorkflowExecutionID: m.optionalUUID("workflow_execution_id"),
		TaskExecutionID:     m.optionalUUID("task_execution_id"),
		EventType:           m.name("event_type", eventTypeForm),
		Source:              m.text("source"),
		Data:                m.json("data"),
		TimestampMS:         m.integer("timestamp_ms"),
		CorrelationID:       m.optionalText("correlation_id"),
	}
	return event, m.err
}

// Encode gives the wire form.
func (e *Event) Encode() []byte { return encode(e) }

// StreamEvent is a piece of a task's output.
type StreamEvent struct {
	TaskExecutionID     string `json:"taskExecutionId"`
	WorkflowExecutionID string `json:"workflowExecutionId"`
	Sequence            int64  `json:"sequence"`
	Type                string `json:"type"`
	Payload             string `json:"payload"`
	TimestampMS         int64  `json:"timestampMs"`
}

// ParseStreamEvent reads the wire form. Unknown members are ignored.
func ParseStreamEvent(text []byte) (*StreamEvent, error) {
	m := readMembers(text)
	event := &StreamEvent{
		TaskExecutionID:     m.text("taskExecutionId"),
		WorkflowExecutionID: m.name("workflowExecutionId", streamKeyForm),
		Sequence:            m.integer("sequence"),
		Type:                m.text("type"),
		Payload:             m.text("payload"),
		TimestampMS:         m.integer("timestampMs"),
	}
	switch event.Type {
	case "TOKEN", "PROGRESS", "DATA", "ERROR":
	default:
		m.fail("type", "is %q; expected TOKEN, PROGRESS, DATA or ERROR", event.Type)
	}
	return event, m.err
}

// Encode gives the wire form.
func (e *StreamEvent) Encode() []byte { return encode(e) }

func encode(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // a parsed event always has a JSON form
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}
