package schemas

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestQuickRulesAcceptEveryExample also fails when a schema comes to use a
// keyword that rules do not know.
func TestQuickRulesAcceptEveryExample(t *testing.T) {
	for _, typ := range types {
		example, _ := Example(typ)
		if !quick()[typ].accepts(example) {
			t.Errorf("%s: its example is left to the library", typ)
		}
		more := strings.Replace(string(example), "{", `{"stranger":{"list":[1,"two",{"three":null}]},`, 1)
		if !quick()[typ].accepts([]byte(more)) {
			t.Errorf("%s: members of other names are left to the library", typ)
		}
	}
}

// TestQuickRulesAcceptNothingElse breaks every example in many ways: what the
// rules accept the library must accept too.
func TestQuickRulesAcceptNothingElse(t *testing.T) {
	replacements := []string{`null`, `true`, `""`, `"x"`, `"\u0041"`, `0`, `-1`, `1.0`, `1e2`, `12345678901234567890`, `{}`, `[]`, `{"id":"a"}`}
	checked, refused := 0, 0
	for _, typ := range types {
		example, _ := Example(typ)
		r := reader{text: example}
		r.object(func(name []byte) {
			start := r.at
			end := start + len(r.raw())
			for _, other := range replacements {
				broken := string(example[:start]) + other + string(example[end:])
				checked++
				if sameJudgement(t, typ, []byte(broken)) {
					refused++
				}
			}
			twice := string(example[:len(example)-1]) + `,"` + string(name) + `":` + string(example[start:end]) + `}`
			sameJudgement(t, typ, []byte(twice))
			sameJudgement(t, typ, []byte(strings.Replace(string(example), string(name), string(name)+"x", 1)))
		})
	}
	if refused == 0 || refused == checked {
		t.Errorf("%d of %d broken payloads were refused", refused, checked)
	}
}

// sameJudgement fails where the rule of a type accepts a payload that its
// schema does not. It reports whether the schema refuses it.
func sameJudgement(t *testing.T, typ string, payload []byte) (refused bool) {
	t.Helper()
	err := judge(compiled()[typ], payload)
	if err != nil && quick()[typ].accepts(payload) {
		t.Errorf("%s: accepted %s, but %v", typ, payload, err)
	}
	return err != nil
}

func FuzzQuick(f *testing.F) {
	for i, typ := range types {
		example, _ := Example(typ)
		f.Add(uint8(i), example)
	}
	f.Add(uint8(0), []byte(`{"a":{"b":1,"b":2},"\u0061":[[[{}]]]}`))
	f.Fuzz(func(t *testing.T, i uint8, payload []byte) {
		if wellFormed(payload) {
			sameJudgement(t, types[int(i)%len(types)], payload)
		}
	})
}

func FuzzWellFormed(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-0.5e+7,"\u00e9\\\"",true,false,null],"b":{}}`, ` [ ] `, `"\ud800"`, `01`, `1.`, `-`, `1e`, `[1,]`, `{"a"}`, `{"a":1,}`,
		`{,}`, `"` + "\x1f" + `"`, `"\u00g0"`, `"\u` + "\x10" + `000"`, `"eight by` + "\x80" + `te"`, `tru`, `truer`, `[}`, `{]`, ``, ` `, `1 2`,
		`"` + "\\", strings.Repeat("[", maxNesting) + strings.Repeat("]", maxNesting), strings.Repeat("[", maxNesting+1) + strings.Repeat("]", maxNesting+1),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, want := wellFormed(text), json.Valid(text); got != want {
			t.Errorf("%q: well-formed is %t, encoding/json says %t", text, got, want)
		}
	})
}
