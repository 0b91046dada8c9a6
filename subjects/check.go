package subjects

import "github.com/makebridge/makebridge/schemas"

// Check reads an event that travels on a subject and checks all of it: the
// envelope (schemas.Decode) and the rest (Validate). The event refers to data,
// which must not change afterwards. The error is a *schemas.InvalidError.
func Check(subject string, data []byte) (*schemas.Event, error) {
	e, err := schemas.Decode(data)
	if err != nil {
		return nil, err
	}
	if err := Validate(subject, e); err != nil {
		return nil, err
	}
	return e, nil
}

// Validate checks that an event may travel on a subject and that its payload is
// what its type says. A subject outside the catalogue takes every type that is
// outside it too, with any payload. The error is a *schemas.InvalidError.
func Validate(subject string, e *schemas.Event) error {
	if entry := entryOfSubject(subject); entry != nil && entry.Type != e.Type {
		return misplaced("must be " + entry.Type + " on " + entry.Subject)
	}
	if entry := entryOfType(e.Type); entry != nil && entry.Subject != subject {
		return misplaced(entry.Type + " belongs on " + entry.Subject)
	}
	return e.Validate()
}

func misplaced(rule string) error {
	return &schemas.InvalidError{Problems: []schemas.Problem{{Pointer: "/type", Rule: rule}}}
}
