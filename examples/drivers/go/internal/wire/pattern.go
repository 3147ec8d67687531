package wire

import (
	"fmt"
	"strings"
)

// Selector says what a subscription is for: it is a *Pattern or a StreamKey.
type Selector interface {
	// Select reads a message's body. It answers false for what is invalid or for somebody else.
	Select(body []byte) (Message, bool)
}

// Pattern asks for the events of one tenant, narrowed by up to four filters.
type Pattern struct {
	TenantID            string
	WorkflowExecutionID *string
	TaskExecutionID     *string
	EventTypePrefix     *string
	Source              *string
}

// ParsePattern reads the wire form. Unknown members are ignored, missing filters are nil.
func ParsePattern(text []byte) (*Pattern, error) {
	m := readMembers(text)
	pattern := &Pattern{
		TenantID:            m.uuid("tenant_id"),
		WorkflowExecutionID: m.optionalUUID("workflow_execution_id"),
		TaskExecutionID:     m.optionalUUID("task_execution_id"),
		Source:              m.optionalText("source"),
	}
	if !m.absent("event_type_prefix") {
		prefix := m.name("event_type_prefix", prefixForm)
		pattern.EventTypePrefix = &prefix
	}
	return pattern, m.err
}

// Matches tells whether the event passes every filter that is set.
func (p *Pattern) Matches(event *Event) bool {
	return p.TenantID == event.TenantID &&
		passes(p.WorkflowExecutionID, event.WorkflowExecutionID) &&
		passes(p.TaskExecutionID, event.TaskExecutionID) &&
		passes(p.Source, &event.Source) &&
		(p.EventTypePrefix == nil || descends(event.EventType, *p.EventTypePrefix))
}

// Select implements Selector.
func (p *Pattern) Select(body []byte) (Message, bool) {
	event, err := ParseEvent(body)
	return event, err == nil && p.Matches(event)
}

func passes(filter, value *string) bool {
	return filter == nil || value != nil && *filter == *value
}

func descends(eventType, prefix string) bool {
	rest, found := strings.CutPrefix(eventType, prefix)
	return found && (rest == "" || rest[0] == '.')
}

// StreamKey names one stream.
type StreamKey string

// ParseStreamKey checks the key.
func ParseStreamKey(key string) (StreamKey, error) {
	if err := checkName(key, streamKeyForm); err != nil {
		return "", fmt.Errorf("workflow_execution_id %w", err)
	}
	return StreamKey(key), nil
}

// Select implements Selector.
func (k StreamKey) Select(body []byte) (Message, bool) {
	event, err := ParseStreamEvent(body)
	return event, err == nil && event.WorkflowExecutionID == string(k)
}
