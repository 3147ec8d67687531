package main

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Checks of events and patterns, by the contract.

const maxInteger = 1<<53 - 1

var (
	key       = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	prefix    = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	eventType = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)
	uuid      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

	ids         = []string{"id", "tenant_id", "workflow_execution_id", "task_execution_id"}
	streamTypes = []string{"TOKEN", "PROGRESS", "DATA", "ERROR"}

	escapedPair   = regexp.MustCompile(`\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..`)
	halfCharacter = regexp.MustCompile(`\\u[dD][89a-fA-F]`)
)

type members map[string]any

// form says of each member that is read whether it is as it should be; an absent one is nil.
type form map[string]func(its any) bool

var eventForm = form{
	"id":                    isUUID,
	"tenant_id":             isUUID,
	"workflow_execution_id": orAbsent(isUUID),
	"task_execution_id":     orAbsent(isUUID),
	"event_type":            isName(eventType),
	"source":                isText,
	"data":                  isJSON,
	"timestamp_ms":          isInteger,
	"correlation_id":        orAbsent(isText),
}

var streamEventForm = form{
	"taskExecutionId":     isText,
	"workflowExecutionId": isKey,
	"sequence":            isInteger,
	"type":                isStreamType,
	"payload":             isText,
	"timestampMs":         isInteger,
}

var patternForm = form{
	"tenant_id":             isUUID,
	"workflow_execution_id": orAbsent(isUUID),
	"task_execution_id":     orAbsent(isUUID),
	"event_type_prefix":     orAbsent(isName(prefix)),
	"source":                orAbsent(isText),
}

var isKey = isName(key)

func isName(right *regexp.Regexp) func(any) bool {
	return func(its any) bool {
		text, ok := its.(string)
		return ok && len(text) <= 255 && right.MatchString(text)
	}
}

func isUUID(its any) bool {
	text, ok := its.(string)
	return ok && uuid.MatchString(text)
}

func isText(its any) bool {
	_, ok := its.(string)
	return ok
}

func isStreamType(its any) bool {
	text, ok := its.(string)
	return ok && slices.Contains(streamTypes, text)
}

// isInteger also takes 1.0 and 1e3: JSON has one kind of number.
func isInteger(its any) bool {
	number, ok := its.(json.Number)
	if !ok {
		return false
	}
	value, err := number.Float64()
	return err == nil && value == math.Trunc(value) && math.Abs(value) <= maxInteger
}

func isJSON(its any) bool {
	switch its := its.(type) {
	case []any:
		for _, item := range its {
			if !isJSON(item) {
				return false
			}
		}
	case map[string]any:
		for _, item := range its {
			if !isJSON(item) {
				return false
			}
		}
	case json.Number:
		if !strings.ContainsAny(its.String(), ".eE") {
			return isInteger(its)
		}
		_, err := its.Float64()
		return err == nil
	}
	return true
}

func orAbsent(holds func(any) bool) func(any) bool {
	return func(its any) bool { return its == nil || holds(its) }
}

// checked reads the members that are named, each as it should be; absent ones as null.
func checked(code int, text []byte, right form) (members, error) {
	// encoding/json replaces both of these by U+FFFD without a word.
	if !utf8.Valid(text) || halfCharacter.Match(escapedPair.ReplaceAll(text, []byte("_"))) {
		return nil, refuse(code, "this holds half a character, which UTF-8 cannot carry")
	}
	var read members
	if err := decode(text, &read); err != nil {
		return nil, refuse(code, "%v", err)
	}
	found := members{}
	for name, holds := range right {
		its, present := read[name]
		if !holds(its) || name == "data" && !present {
			return nil, refuse(code, "%s is %.200s, which is not valid", name, encode(its))
		}
		if id, given := its.(string); given && slices.Contains(ids, name) {
			its = strings.ToLower(id)
		}
		found[name] = its
	}
	return found, nil
}

func matches(pattern members, body []byte) bool {
	var event members
	if err := decode(body, &event); err != nil {
		return false
	}
	if prefix, given := pattern["event_type_prefix"].(string); given &&
		!strings.HasPrefix(event["event_type"].(string)+".", prefix+".") {
		return false
	}
	for _, name := range []string{"tenant_id", "workflow_execution_id", "task_execution_id", "source"} {
		if pattern[name] != nil && pattern[name] != event[name] {
			return false
		}
	}
	return true
}

// decode keeps the text of a number, and with it every digit.
func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

func encode(its any) []byte {
	text, err := json.Marshal(its)
	if err != nil {
		panic(err) // all of it was read from JSON, or is our own
	}
	return text
}
