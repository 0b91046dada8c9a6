package schemas

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Payload is what happened: one of the structs of this package, a struct that
// embeds one, or a service's own type for events that have no schema.
type Payload interface {
	// EventType returns the type of the event that carries the payload. It must
	// work on the zero value.
	EventType() string
}

// DecodeAs reads an event that is expected to carry a P, checks all of it, and
// decodes the payload:
//
//	payment, event, err := schemas.DecodeAs[schemas.PaymentSuccess](data)
//
// P is a struct, not a pointer to one. The error is an *InvalidError: also for
// an event of another type, for a payload of a type without a schema that does
// not fit P, and for the few valid events that Go reads differently from
// others (a member whose name differs from a known one in case only, a time
// with a lower case letter or a leap second).
func DecodeAs[P Payload](data []byte) (P, *Event, error) {
	var zero, payload P
	e, err := Decode(data)
	if err != nil {
		return zero, nil, err
	}
	if want := zero.EventType(); e.Type != want {
		return zero, nil, invalid("/type", "must be "+want)
	}
	if err := e.Validate(); err != nil {
		return zero, nil, err
	}
	if schema, ok := compiled()[e.Type]; ok {
		if err := exactNames(schema, newTree(e.Payload).members(), "payload"); err != nil {
			return zero, nil, err
		}
	}
	if err := json.Unmarshal(e.Payload, &payload); err != nil {
		return zero, nil, invalid("/payload", "does not fit "+reflect.TypeFor[P]().String())
	}
	return payload, e, nil
}

// exactNames refuses members that encoding/json would take for a member of the
// schema although their case differs: what was checked must be what is decoded.
func exactNames(schema *jsonschema.Schema, object map[string]any, path ...string) error {
	known := properties(schema)
	for name, value := range object {
		if property, ok := known[name]; ok {
			if inner, ok := value.(map[string]any); ok {
				if err := exactNames(property, inner, append(path, name)...); err != nil {
					return err
				}
			}
			continue
		}
		for want := range known {
			if strings.EqualFold(name, want) {
				return invalid(pointer(path...), `a member differs from "`+want+`" in case only`)
			}
		}
	}
	return nil
}
