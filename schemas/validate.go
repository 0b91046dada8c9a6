package schemas

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// compiled holds the schemas by type, ready for use.
var compiled = sync.OnceValue(func() map[string]*jsonschema.Schema { //nolint:gochecknoglobals // set once, by itself
	schemas := make(map[string]*jsonschema.Schema, len(types))
	for _, typ := range types {
		schemas[typ] = compile(typ)
	}
	return schemas
})

func compile(name string) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(file(name)))
	if err != nil {
		panic("schemas: " + name + ".json: " + err.Error())
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, f := range formats() {
		c.RegisterFormat(f)
	}
	url := "urn:makebridge:schema:" + name
	if err := c.AddResource(url, doc); err != nil {
		panic("schemas: " + name + ".json: " + err.Error())
	}
	return c.MustCompile(url)
}

// Validate checks the payload against its type's schema. It returns nil for a
// type that has none, whatever the payload holds, and else an *InvalidError.
// It does not check the envelope, which Decode has done.
func (e *Event) Validate() error {
	rule, ok := quick()[e.Type]
	if !ok {
		return nil
	}
	if !e.sound() {
		return invalid("/payload", "must be object")
	}
	if rule.accepts(e.Payload) {
		return nil
	}
	return judge(compiled()[e.Type], e.Payload)
}

// judge checks a payload with the schema library and words what is wrong.
func judge(schema *jsonschema.Schema, payload []byte) error {
	t := newTree(payload)
	if payload[t.at] != '{' {
		return invalid("/payload", "must be object")
	}
	members := t.members()
	if t.duplicate != nil {
		return duplicateMember(schema, t.duplicate)
	}
	err := schema.Validate(members)
	if err == nil {
		return nil
	}
	var verr *jsonschema.ValidationError
	if !errors.As(err, &verr) {
		return invalid("/payload", "cannot be checked against its schema")
	}
	return &InvalidError{Problems: settle(problems(verr, nil))}
}

// duplicateMember names the place as far as the schema knows it: the rest is
// the event's own.
func duplicateMember(schema *jsonschema.Schema, path []string) *InvalidError {
	known := []string{"payload"}
	for _, name := range path {
		property, ok := properties(schema)[name]
		if !ok {
			return invalid(pointer(known...), "a member is given twice")
		}
		known = append(known, name)
		schema = property
	}
	return invalid(pointer(known...), "is given twice")
}

// properties returns the members that a schema describes, by itself or by what
// it refers to.
func properties(s *jsonschema.Schema) map[string]*jsonschema.Schema {
	for s.Ref != nil {
		s = s.Ref
	}
	return s.Properties
}

// problems words the leaves of the library's error, whose own text would quote
// the event.
func problems(err *jsonschema.ValidationError, to []Problem) []Problem {
	for _, cause := range err.Causes {
		to = problems(cause, to)
	}
	if len(err.Causes) > 0 {
		return to
	}
	at := "/payload" + pointer(err.InstanceLocation...)
	for _, rule := range rules(err.ErrorKind) {
		to = append(to, Problem{at, rule})
	}
	return to
}

// rules words what was broken from what the schema says.
func rules(broken jsonschema.ErrorKind) []string {
	switch k := broken.(type) {
	case *kind.Required:
		missing := make([]string, len(k.Missing))
		for i, name := range k.Missing {
			missing[i] = `missing "` + name + `"`
		}
		return missing
	case *kind.Type:
		return []string{"must be " + strings.Join(k.Want, " or ")}
	case *kind.Enum:
		allowed := make([]string, len(k.Want))
		for i, v := range k.Want {
			allowed[i] = fmt.Sprint(v)
		}
		return []string{"must be one of " + strings.Join(allowed, ", ")}
	case *kind.Format:
		return []string{formatRule(k.Want)}
	case *kind.Pattern:
		return []string{"does not match " + k.Want}
	case *kind.MinLength:
		if k.Want == 1 {
			return []string{"must not be empty"}
		}
		return []string{fmt.Sprintf("must have at least %d characters", k.Want)}
	case *kind.MaxLength:
		return []string{fmt.Sprintf("must have at most %d characters", k.Want)}
	case *kind.Minimum:
		return []string{"must be at least " + k.Want.RatString()}
	case *kind.Maximum:
		return []string{"must be at most " + k.Want.RatString()}
	}
	return []string{"breaks its schema"}
}

// settle puts problems in the order of their places, for the library finds them
// in any, and keeps the first.
func settle(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Pointer, b.Pointer) })
	return problems[:min(len(problems), maxProblems)]
}
