package wire

import (
	"encoding/json"
	"testing"

	"eventhook.dev/drivers/go/internal/vectors"
)

const tenant = "0f8fad5b-d9cb-469f-a165-70867728950e"

// with is an event in its wire form, one member changed.
func with(name string, value any) string {
	members := map[string]any{
		"id": tenant, "tenant_id": tenant, "workflow_execution_id": nil, "task_execution_id": nil,
		"event_type": "a.b", "source": "s", "data": nil, "timestamp_ms": 1, "correlation_id": nil,
	}
	members[name] = value
	text, err := json.Marshal(members)
	if err != nil {
		panic(err) // the tests' own values
	}
	return string(text)
}

type nameVector struct {
	Value string
	Why   string
}

func TestNames(t *testing.T) {
	for file, check := range map[string]func(string) error{
		"event_types.json": func(name string) error {
			_, err := ParseEvent([]byte(with("event_type", name)))
			return err
		},
		"prefixes.json": func(name string) error {
			text, _ := json.Marshal(map[string]string{"tenant_id": tenant, "event_type_prefix": name})
			_, err := ParsePattern(text)
			return err
		},
		"stream_keys.json": func(name string) error {
			_, err := ParseStreamKey(name)
			return err
		},
	} {
		t.Run(file, func(t *testing.T) {
			table := vectors.Load[struct{ Valid, Invalid []nameVector }](t, file)
			if len(table.Valid) == 0 || len(table.Invalid) == 0 {
				t.Fatal("there are no vectors")
			}
			for _, vector := range table.Valid {
				if err := check(vector.Value); err != nil {
					t.Errorf("%q is refused (%v), but it is right: %s", vector.Value, err, vector.Why)
				}
			}
			for _, vector := range table.Invalid {
				if check(vector.Value) == nil {
					t.Errorf("%q is taken, but it is wrong: %s", vector.Value, vector.Why)
				}
			}
		})
	}
}

// symbols are the UUIDs that the pattern vectors speak of.
var symbols = map[string]string{
	"own": tenant, "other": "6f1c2b1e-0000-4000-8000-000000000001",
	"W1": "6f1c2b1e-0000-4000-8000-000000000002", "W2": "6f1c2b1e-0000-4000-8000-000000000003",
	"T1": "6f1c2b1e-0000-4000-8000-000000000004", "T2": "6f1c2b1e-0000-4000-8000-000000000005",
}

func TestPatterns(t *testing.T) {
	type vector struct {
		Name    string
		Pattern struct {
			Tenant                         string
			Workflow, Task, Prefix, Source *string
		}
		Event struct {
			Tenant         string
			Workflow, Task *string
			Type, Source   string
		}
		Matches bool
	}
	resolve := func(symbol *string) *string {
		if symbol == nil {
			return nil
		}
		value, known := symbols[*symbol]
		if !known {
			t.Fatalf("nobody knows the symbol %q", *symbol)
		}
		return &value
	}
	table := vectors.Load[struct{ Vectors []vector }](t, "patterns.json").Vectors
	if len(table) == 0 {
		t.Fatal("there are no vectors")
	}
	for _, v := range table {
		t.Run(v.Name, func(t *testing.T) {
			pattern := Pattern{
				TenantID:            *resolve(&v.Pattern.Tenant),
				WorkflowExecutionID: resolve(v.Pattern.Workflow),
				TaskExecutionID:     resolve(v.Pattern.Task),
				EventTypePrefix:     v.Pattern.Prefix,
				Source:              v.Pattern.Source,
			}
			event := Event{
				TenantID:            *resolve(&v.Event.Tenant),
				WorkflowExecutionID: resolve(v.Event.Workflow),
				TaskExecutionID:     resolve(v.Event.Task),
				EventType:           v.Event.Type,
				Source:              v.Event.Source,
			}
			if got := pattern.Matches(&event); got != v.Matches {
				t.Errorf("Matches = %t, want %t", got, v.Matches)
			}
		})
	}
}
