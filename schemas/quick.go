package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// quick holds what the schemas ask for in a form that is checked in one walk
// over the text, without building a tree. It accepts only what the schema
// library accepts, and most of that; what it does not accept, the library
// decides and words. The tests hold it to that.
var quick = sync.OnceValue(func() map[string]*rule { //nolint:gochecknoglobals // set once, by itself
	rules := make(map[string]*rule, len(types))
	for _, typ := range types {
		r, err := newRule(file(typ))
		if err != nil {
			panic("schemas: " + typ + ".json: " + err.Error())
		}
		rules[typ] = r
	}
	return rules
})

const (
	// mostMembers is how many members an object may have, of those that its
	// schema does not name, and mostNesting how deep values may be nested in
	// them, to be accepted without the library.
	mostMembers = 16
	mostNesting = 16
)

// schema is a JSON Schema with the keywords that a rule knows.
type schema struct {
	Type       string             `json:"type"`
	Required   []string           `json:"required"`
	Properties map[string]*schema `json:"properties"`
	MinLength  int                `json:"minLength"`
	Enum       []string           `json:"enum"`
	Pattern    string             `json:"pattern"`
	Format     string             `json:"format"`
	Minimum    *int64             `json:"minimum"`
	Maximum    *int64             `json:"maximum"`
	Ref        string             `json:"$ref"`

	Defs        map[string]*schema `json:"$defs"`
	Schema      string             `json:"$schema"`
	ID          string             `json:"$id"`
	Title       string             `json:"title"`
	Description string             `json:"description"`
	Examples    json.RawMessage    `json:"examples"`
}

// rule is what one value has to be.
type rule struct {
	check func(*rule, *reader, int) bool

	members  []known
	required uint64 // one bit for each of members

	minLength int
	enum      []string
	pattern   *regexp.Regexp
	format    func(string) bool

	minimum, maximum int64
}

// known is a member that a schema describes.
type known struct {
	name string
	rule *rule
}

// newRule refuses a schema with a keyword that rules do not know.
func newRule(text []byte) (*rule, error) {
	var s schema
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, err
	}
	return s.rule(s.Defs)
}

func (s *schema) rule(defs map[string]*schema) (*rule, error) {
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok && defs[name] != nil {
		return defs[name].rule(defs)
	}
	r := &rule{minLength: s.MinLength, enum: s.Enum}
	switch s.Type {
	case "object":
		r.check = (*rule).object
		return r, s.describe(r, defs)
	case "string":
		r.check = (*rule).string
		return r, s.constrain(r)
	case "integer":
		if s.Minimum == nil || s.Maximum == nil {
			return nil, errors.New("an integer needs a minimum and a maximum")
		}
		r.check, r.minimum, r.maximum = (*rule).integer, *s.Minimum, *s.Maximum
		return r, nil
	}
	return nil, fmt.Errorf("no rule for a value of type %q", s.Type)
}

// describe takes over the members of an object.
func (s *schema) describe(r *rule, defs map[string]*schema) error {
	// Required ones first, in the order in which publishers write them.
	for _, name := range s.Required {
		if s.Properties[name] == nil {
			return fmt.Errorf("%s is required and not described", name)
		}
		r.required |= 1 << len(r.members)
		r.members = append(r.members, known{name: name})
	}
	for name := range s.Properties {
		if !slices.Contains(s.Required, name) {
			r.members = append(r.members, known{name: name})
		}
	}
	if len(r.members) > 64 {
		return fmt.Errorf("%d members are described, 64 is the most", len(r.members))
	}
	for i, m := range r.members {
		var err error
		if r.members[i].rule, err = s.Properties[m.name].rule(defs); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// constrain takes over what a string has to look like.
func (s *schema) constrain(r *rule) (err error) {
	if s.Pattern != "" {
		if r.pattern, err = regexp.Compile(s.Pattern); err != nil {
			return err
		}
	}
	switch s.Format {
	case "":
	case "date-time":
		r.format = func(s string) bool { _, ok := parseTime(s); return ok }
	case "email":
		r.format = validEmail
	default:
		return fmt.Errorf("no rule for the format %q", s.Format)
	}
	return nil
}
