package main

import (
	"strings"

	"eventhook.dev/drivers/go/internal/wire"
)

// subjectOf is where a message is published.
func subjectOf(message wire.Message) string {
	switch message := message.(type) {
	case *wire.Event:
		return eventRoot(message.TenantID) + message.EventType
	case *wire.StreamEvent:
		return streamSubject(message.WorkflowExecutionID)
	default:
		panic("there are no other messages")
	}
}

// interest is what a subscription asks the server for.
//
// A prefix of several tokens would need two subjects, its own and its descendants', between which
// publisher order would be lost; so it asks for its category, and the reader does the rest.
func interest(selector wire.Selector) (subject string, capacity int) {
	switch selector := selector.(type) {
	case *wire.Pattern:
		subject = eventRoot(selector.TenantID)
		if prefix := selector.EventTypePrefix; prefix != nil {
			category, _, _ := strings.Cut(*prefix, ".")
			subject += category + "."
		}
		return subject + ">", eventCapacity
	case wire.StreamKey:
		return streamSubject(string(selector)), streamCapacity
	default:
		panic("there are no other selectors")
	}
}

func eventRoot(tenant string) string { return "flovyn.events." + tenant + "." }

func streamSubject(key string) string { return "flovyn.streams.workflow." + key }
