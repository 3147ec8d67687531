package main

import (
	"slices"
	"strings"
	"testing"

	"eventhook.dev/drivers/go/internal/vectors"
	"eventhook.dev/drivers/go/internal/wire"
)

const tenant = "0f8fad5b-d9cb-469f-a165-70867728950e"

type subjects struct {
	Events  []struct{ Type, Subject string }
	Streams []struct{ Key, Subject string }

	Subscriptions []struct {
		Name    string
		Pattern struct{ Prefix *string }
		Allowed [][]string
	}
	Forbidden []struct{ Subject string }
}

func TestSubjects(t *testing.T) {
	table := vectors.Load[subjects](t, "subjects.json")
	if len(table.Events) == 0 || len(table.Streams) == 0 || len(table.Subscriptions) == 0 {
		t.Fatal("there are no vectors")
	}
	in := strings.NewReplacer("{tenant}", tenant).Replace
	for _, v := range table.Events {
		if got := subjectOf(&wire.Event{TenantID: tenant, EventType: v.Type}); got != in(v.Subject) {
			t.Errorf("%s is published on %s, want %s", v.Type, got, in(v.Subject))
		}
	}
	for _, v := range table.Streams {
		if got := subjectOf(&wire.StreamEvent{WorkflowExecutionID: v.Key}); got != v.Subject {
			t.Errorf("stream %s is published on %s, want %s", v.Key, got, v.Subject)
		}
		if got, _ := interest(wire.StreamKey(v.Key)); got != v.Subject {
			t.Errorf("stream %s is asked for by %s, want %s", v.Key, got, v.Subject)
		}
	}
	for _, v := range table.Subscriptions {
		got, _ := interest(&wire.Pattern{TenantID: tenant, EventTypePrefix: v.Pattern.Prefix})
		allowed := slices.ContainsFunc(v.Allowed, func(set []string) bool {
			return len(set) == 1 && in(set[0]) == got
		})
		if !allowed {
			t.Errorf("%s asks for %s, allowed are %v", v.Name, got, v.Allowed)
		}
		for _, forbidden := range table.Forbidden {
			if got == forbidden.Subject {
				t.Errorf("%s asks for %s, which is forbidden", v.Name, got)
			}
		}
	}
}
