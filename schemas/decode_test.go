package schemas_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/makebridge/makebridge/schemas"
)

const plain = `{"type":"payment.refunded","event_id":"e-1","sent_at":"2026-02-18T09:41:27Z","payload":{}}`

// envelopes are events as they come, and what Decode says of each; "" means
// that it is an event. Where the rule cannot be said in JSON Schema, which sees
// no duplicates and no bytes, beyond is set.
var envelopes = []struct {
	name, event, want string
	beyond            bool
}{
	{"plain", plain, "", false},
	{"white space around", " \n" + plain + "\r\n\t", "", false},
	{"white space inside", strings.NewReplacer(`":`, "\" :\n", `,"`, " ,\t\"", "{}", "{ }").Replace(plain), "", false},
	{"other members", with(`"test":true,"meta":{"a":[1,{"b":"}"}]}`), "", false},
	{"other members twice deep down", with(`"meta":{"a":1,"a":2}`), "", false},
	{"escaped name", strings.Replace(plain, `"type"`, `"t\u0079pe"`, 1), "", false},
	{"escaped value", strings.Replace(plain, `"e-1"`, `"\u0065-1"`, 1), "", false},
	{"lower case time", sentAt("2026-02-18t09:41:27.5z"), "", false},
	{"offset", sentAt("2026-02-18T09:41:27+05:30"), "", false},
	{"leap second", sentAt("2016-12-31T23:59:60Z"), "", false},
	{"leap second elsewhere", sentAt("2016-12-31T15:59:60-08:00"), "", false},
	{"longest id", id(strings.Repeat("x", 128)), "", false},
	{"every allowed character", id(`!#$%&'()*+,-./:;<=>?@[]^_{|}~`), "", false},

	{"empty", "", "is not JSON", true},
	{"text", "hello", "is not JSON", true},
	{"cut off", plain[:len(plain)-1], "is not JSON", true},
	{"trailing data", plain + plain, "is not JSON", true},
	{"trailing comma", strings.Replace(plain, "{}}", "{},}", 1), "is not JSON", true},
	{"byte order mark", "\ufeff" + plain, "is not JSON", true},
	{"not UTF-8", id("\xff"), "is not UTF-8", true},
	{"too large", with(`"pad":"` + strings.Repeat("x", schemas.MaxBody) + `"`), "is larger than 5242880 bytes", true},
	{"nested too deep", with(`"deep":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)), "is not JSON", true},
	{"array", "[" + plain + "]", "must be object", false},
	{"string", `"x"`, "must be object", false},
	{"null", "null", "must be object", false},
	{"no members", "{}", `missing "type"; missing "event_id"; missing "sent_at"; missing "payload"`, false},
	{"type missing", strings.Replace(plain, `"type":"payment.refunded",`, "", 1), `missing "type"`, false},
	{"type in another case", strings.Replace(plain, `"type"`, `"Type"`, 1), `missing "type"`, false},
	{"payload missing", strings.Replace(plain, `,"payload":{}`, "", 1), `missing "payload"`, false},
	{"type twice", with(`"type":"payment.refunded"`), "/type: is given twice", true},
	{"type twice, once escaped", with(`"typ\u0065":"other"`), "/type: is given twice", true},
	{"payload twice", with(`"payload":{}`), "/payload: is given twice", true},
	{"other member twice", with(`"canary":1,"canary":1`), "a member is given twice", true},
	{"type is a number", strings.Replace(plain, `"payment.refunded"`, "7", 1), "/type: must be string", false},
	{"type is null", strings.Replace(plain, `"payment.refunded"`, "null", 1), "/type: must be string", false},
	{"type empty", strings.Replace(plain, "payment.refunded", "", 1), "/type: " + header, false},
	{"id with a space", id("a b"), "/event_id: " + header, false},
	{"id with a line end", id(`a\n`), "/event_id: " + header, false},
	{"id not ASCII", id("é"), "/event_id: " + header, false},
	{"id with DEL", id("\x7f"), "/event_id: " + header, false},
	{"id too long", id(strings.Repeat("x", 129)), "/event_id: " + header, false},
	{"id is null", strings.Replace(plain, `"e-1"`, "null", 1), "/event_id: must be string", false},
	{"time is a number", strings.Replace(plain, `"2026-02-18T09:41:27Z"`, "1771407687", 1), "/sent_at: must be string", false},
	{"time is a day", sentAt("2026-02-18"), "/sent_at: " + notTime, false},
	{"time without zone", sentAt("2026-02-18T09:41:27"), "/sent_at: " + notTime, false},
	{"time with a space", sentAt("2026-02-18 09:41:27Z"), "/sent_at: " + notTime, false},
	{"30 February", sentAt("2026-02-30T09:41:27Z"), "/sent_at: " + notTime, false},
	{"hour 24", sentAt("2026-02-18T24:00:00Z"), "/sent_at: " + notTime, false},
	{"one digit", sentAt("2026-02-18T9:41:27.0Z"), "/sent_at: " + notTime, false},
	{"signed hour", sentAt("2026-02-18T+9:41:27Z"), "/sent_at: " + notTime, false},
	{"offset of a day", sentAt("2026-02-18T09:41:27+24:00"), "/sent_at: " + notTime, false},
	{"offset of 60 minutes", sentAt("2026-02-18T09:41:27-01:60"), "/sent_at: " + notTime, false},
	{"point without fraction", sentAt("2026-02-18T09:41:27.Z"), "/sent_at: " + notTime, false},
	{"comma", sentAt("2026-02-18T09:41:27,5Z"), "/sent_at: " + notTime, false},
	{"no leap second then", sentAt("2016-12-31T22:59:60Z"), "/sent_at: " + notTime, false},
	{"payload is null", payload("null"), "/payload: must be object", false},
	{"payload is an array", payload("[]"), "/payload: must be object", false},
	{"payload is a string", payload(`"{}"`), "/payload: must be object", false},
}

const (
	header  = "must be 1 to 128 printable ASCII characters without spaces"
	notTime = "is not an RFC 3339 date-time"
)

func with(members string) string { return plain[:len(plain)-1] + "," + members + "}" }
func sentAt(s string) string     { return strings.Replace(plain, "2026-02-18T09:41:27Z", s, 1) }
func id(s string) string         { return strings.Replace(plain, "e-1", s, 1) }
func payload(s string) string    { return strings.Replace(plain, "{}", s, 1) }

func TestDecode(t *testing.T) {
	for _, c := range envelopes {
		t.Run(c.name, func(t *testing.T) {
			e, err := schemas.Decode([]byte(c.event))
			switch {
			case c.want == "" && err != nil:
				t.Fatalf("Decode: %v", err)
			case c.want != "" && (err == nil || err.Error() != c.want):
				t.Fatalf("Decode: %v, want %s", err, c.want)
			case err == nil && (e.Type != "payment.refunded" || e.ID == "" || e.SentAt.IsZero() || !json.Valid(e.Payload)):
				t.Errorf("event %+v", []any{e.Type, e.ID, e.SentAt, string(e.Payload)})
			}
		})
	}
}

// TestEnvelopeSchemaAgrees holds Decode and envelope.json against each other,
// with the schema library's own format checks off and this package's meaning of
// them left to Decode.
func TestEnvelopeSchemaAgrees(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.EnvelopeSchema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("urn:envelope", doc); err != nil {
		t.Fatal(err)
	}
	schema := compiler.MustCompile("urn:envelope")
	for _, c := range envelopes {
		if c.beyond || strings.Contains(c.want, notTime) {
			continue
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(c.event))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := schema.Validate(value); (err == nil) != (c.want == "") {
			t.Errorf("%s: Decode says %q, the schema %v", c.name, c.want, err)
		}
	}
	for _, example := range doc.(map[string]any)["examples"].([]any) {
		data, err := json.Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := schemas.DecodeAs[schemas.PaymentSuccess](data); err != nil {
			t.Errorf("example: %v", err)
		}
	}
}

func TestDecodeReadsTheInstant(t *testing.T) {
	for s, want := range map[string]time.Time{
		"2026-02-18t09:41:27.25z":   time.Date(2026, 2, 18, 9, 41, 27, 250e6, time.UTC),
		"2026-02-18T09:41:27+05:30": time.Date(2026, 2, 18, 4, 11, 27, 0, time.UTC),
		"2016-12-31T23:59:60.7Z":    time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		e, err := schemas.Decode([]byte(sentAt(s)))
		if err != nil || !e.SentAt.Equal(want) {
			t.Errorf("%s: %v, %v, want %v", s, e, err, want)
		}
	}
}

func TestText(t *testing.T) {
	e, err := schemas.Decode([]byte(payload(`{"a":{"b":"c\u00e9","n":1},"list":["x"],"":"empty","A":"other"}`)))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path []string
		want string
		ok   bool
	}{
		{[]string{"a", "b"}, "cé", true},
		{[]string{""}, "empty", true},
		{[]string{"a", "n"}, "", false},
		{[]string{"a"}, "", false},
		{[]string{"a", "b", "c"}, "", false},
		{[]string{"list", "0"}, "", false},
		{[]string{"nothing"}, "", false},
		{nil, "", false},
	} {
		if got, ok := e.Text(c.path...); got != c.want || ok != c.ok {
			t.Errorf("Text(%q) = %q, %t, want %q, %t", c.path, got, ok, c.want, c.ok)
		}
	}
	for _, broken := range []string{"", "null", "[1]", "{", "x"} {
		byHand := &schemas.Event{Payload: json.RawMessage(broken)}
		if got, ok := byHand.Text("a"); ok {
			t.Errorf("Text of payload %q = %q", broken, got)
		}
	}
}

func TestUnmarshalJSONKeepsACopy(t *testing.T) {
	data := []byte(payload(`{"a":"one"}`))
	var e schemas.Event
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	if got, _ := e.Text("a"); got != "one" {
		t.Errorf("Text = %q", got)
	}
	if err := json.Unmarshal(bytes.Replace(data, []byte("one"), []byte("two"), 1), &e); err != nil {
		t.Fatal(err)
	}
	clear(data)
	if got, _ := e.Text("a"); got != "two" {
		t.Errorf("Text after a second event = %q", got)
	}
	if err := json.Unmarshal([]byte(`{"Type":"x"}`), &e); err == nil {
		t.Error("an event without its members was read")
	}
}

func TestNestingAsDeepAsJSONAllows(t *testing.T) {
	deep := strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000)
	example := string(must(schemas.Example("error.occurred")))
	data := []byte(strings.Replace(plain, `"payload":{}`, `"payload":`+strings.TrimSuffix(example, "}")+`,"deep":`+deep+"}", 1))
	data = bytes.Replace(data, []byte("payment.refunded"), []byte("error.occurred"), 1)
	e, err := schemas.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
}

func TestEncodeKeepsWhatDecodeRead(t *testing.T) {
	in := with(`"test":true,"meta":{ "a": "<&>" }`)
	e, err := schemas.Decode([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, string(out)); diff != "" {
		t.Errorf("event (-read +encoded):\n%s", diff)
	}
}
