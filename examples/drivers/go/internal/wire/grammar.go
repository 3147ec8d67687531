package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxNameBytes = 255
	maxInteger   = 1<<53 - 1
	maxDepth     = 128
)

var (
	eventTypeForm = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)
	prefixForm    = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	streamKeyForm = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	uuidForm      = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
)

func checkName(name string, form *regexp.Regexp) error {
	if len(name) > maxNameBytes {
		return fmt.Errorf("has %d bytes; at most %d are allowed", len(name), maxNameBytes)
	}
	if !form.MatchString(name) {
		return fmt.Errorf("is %q; expected %s", name, form)
	}
	return nil
}

// members is a JSON object whose members are taken one by one; the first that is wrong is kept.
//
// It is a map and no struct because encoding/json matches the names of a struct whatever their
// case: an unknown member "Source" would overwrite "source".
type members struct {
	raw map[string]json.RawMessage
	err error
}

func readMembers(text []byte) *members {
	m := &members{}
	// encoding/json replaces both of these by U+FFFD without a word.
	if !utf8.Valid(text) {
		m.err = errors.New("this is no UTF-8")
	} else if escape := loneSurrogate(text); escape != "" {
		m.err = fmt.Errorf("%s is a lone surrogate, which UTF-8 cannot carry", escape)
	} else if err := json.Unmarshal(text, &m.raw); err != nil {
		m.err = err
	} else if m.raw == nil {
		m.err = errors.New("this is null; expected an object")
	}
	return m
}

func (m *members) fail(name, format string, arguments ...any) {
	if m.err == nil {
		m.err = fmt.Errorf("%s %s", name, fmt.Sprintf(format, arguments...))
	}
}

func (m *members) absent(name string) bool {
	raw, present := m.raw[name]
	return !present || string(raw) == "null"
}

func (m *members) text(name string) string {
	var value string
	if m.absent(name) {
		m.fail(name, "is missing; expected text")
	} else if json.Unmarshal(m.raw[name], &value) != nil {
		m.fail(name, "is %s; expected text", excerpt(m.raw[name]))
	}
	return value
}

func (m *members) optionalText(name string) *string {
	if m.absent(name) {
		return nil
	}
	value := m.text(name)
	return &value
}

func (m *members) name(name string, form *regexp.Regexp) string {
	value := m.text(name)
	if err := checkName(value, form); err != nil {
		m.fail(name, "%v", err)
	}
	return value
}

func (m *members) uuid(name string) string {
	value := m.text(name)
	if !uuidForm.MatchString(value) {
		m.fail(name, "is %q; expected a UUID", value)
	}
	return strings.ToLower(value)
}

func (m *members) optionalUUID(name string) *string {
	if m.absent(name) {
		return nil
	}
	value := m.uuid(name)
	return &value
}

// integer also takes 1.0 and 1e3: JSON has one kind of number.
func (m *members) integer(name string) int64 {
	raw := string(m.raw[name])
	if value, err := strconv.ParseInt(raw, 10, 64); err == nil && -maxInteger <= value && value <= maxInteger {
		return value
	}
	value, err := strconv.ParseFloat(raw, 64)
	if err != nil || value != math.Trunc(value) || math.Abs(value) > maxInteger {
		m.fail(name, "is %s; expected an integer within ±(2^53-1)", excerpt(m.raw[name]))
		return 0
	}
	return int64(value)
}

// json keeps the text of a value, and with it every digit of a number.
func (m *members) json(name string) json.RawMessage {
	raw, present := m.raw[name]
	if !present {
		m.fail(name, "is missing; expected a JSON value")
	} else if err := checkValue(raw); err != nil {
		m.fail(name, "%v", err)
	}
	return raw
}

func checkValue(raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	for depth := 0; ; {
		token, err := decoder.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
			} else {
				depth--
			}
			if depth > maxDepth {
				return fmt.Errorf("is nested deeper than %d levels", maxDepth)
			}
		case json.Number:
			if err := checkNumber(token.String()); err != nil {
				return err
			}
		}
	}
}

func checkNumber(text string) error {
	if strings.ContainsAny(text, ".eE") {
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return fmt.Errorf("holds %s, which no double can carry", excerpt([]byte(text)))
		}
		return nil
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || value < -maxInteger || maxInteger < value {
		return fmt.Errorf("holds %s; integers must lie within ±(2^53-1)", excerpt([]byte(text)))
	}
	return nil
}

// loneSurrogate finds the escape of half a character. Backslashes stand in JSON only within text.
func loneSurrogate(text []byte) string {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		unit, ok := escapedUnit(text[i:])
		switch {
		case !ok:
			i++
		case unit < 0xD800 || 0xDFFF < unit:
			i += 5
		default:
			low, ok := escapedUnit(text[i+6:])
			if unit >= 0xDC00 || !ok || low < 0xDC00 || 0xDFFF < low {
				return string(text[i : i+6])
			}
			i += 11
		}
	}
	return ""
}

func escapedUnit(text []byte) (uint64, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return unit, err == nil
}

func excerpt(raw []byte) string {
	const most = 80
	if len(raw) > most {
		return string(raw[:most]) + "…"
	}
	return string(raw)
}
