package webhook

import (
	"flag"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"context"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge"
)

var update = flag.Bool("update", false, "write the golden files anew")

// recorder keeps what is written to a connection.
type recorder struct {
	net.Conn
	mu      sync.Mutex
	written strings.Builder
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	r.written.Write(b)
	r.mu.Unlock()
	return r.Conn.Write(b)
}

// TestRequestGolden compares what goes over the wire, to the byte. The clock
// of synctest, which starts on 2000-01-01, makes it the same each time.
func TestRequestGolden(t *testing.T) {
	const path = "testdata/request.golden"
	synctest.Test(t, func(t *testing.T) {
		c := newPipeClient(t, Config{Version: "1.2.3"}, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "Accepted")
		})
		var wire *recorder
		dial := c.dial
		c.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			wire = &recorder{Conn: conn}
			return wire, err
		}
		r := newEvent(t, "http://hook.test/abc/def?x=1&y=%20z")
		r.Destination.APIKey = bridge.NewSecret("key-1")
		r.Destination.SigningKeys = []bridge.Secret{bridge.NewSecret("one"), bridge.NewSecret("two")}
		r.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		r.TraceState = "vendor=value"
		r.Delivery, r.Attempt = 4, 7
		if a := c.Deliver(t.Context(), r, goOn); a.Class != bridge.ClassDelivered || a.Attempts != 1 {
			t.Fatalf("answer %+v, want delivered", a)
		}
		wire.mu.Lock()
		defer wire.mu.Unlock()
		got := strings.ReplaceAll(wire.written.String(), "\r\n", "\n")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	})
}

// TestHeaderLeavesOut: no key, secret or trace, no header for it.
func TestHeaderLeavesOut(t *testing.T) {
	r := newEvent(t, "https://hook.test/abc")
	h := newHeader("makebridge/1.2.3", &r, r.TraceParent, r.TraceState, 1, time.Now())
	for _, name := range []string{"X-Make-Apikey", "Webhook-Signature", "Traceparent", "Tracestate"} {
		if v, ok := h[name]; ok {
			t.Errorf("%s: %q, want none", name, v)
		}
	}
}

func TestIdempotencyKeyIsQuoted(t *testing.T) {
	for id, want := range map[string]string{
		"evt-1":  `"evt-1"`,
		`a"b\c"`: `"a\"b\\c\""`,
	} {
		if got := quoted(id); got != want {
			t.Errorf("quoted(%s) = %s, want %s", id, got, want)
		}
	}
}

func TestHeaderSubject(t *testing.T) {
	for subject, want := range map[string]string{
		"payments.success":   "payments.success",
		"payments.rückläufe": "payments.r%C3%BCckl%C3%A4ufe",
		"payments.50%":       "payments.50%25",
		"a.\x01\x7f\xff":     "a.%01%7F%FF",
		"a.b\tc":             "a.b%09c",
	} {
		got := headerSubject(subject)
		if got != want {
			t.Errorf("headerSubject(%q) = %q, want %q", subject, got, want)
		}
		if back, err := url.PathUnescape(got); err != nil || back != subject {
			t.Errorf("%q decodes to %q (%v), want %q", got, back, err, subject)
		}
	}
}

func TestTraceIsCarriedOrDropped(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, row := range []struct{ parent, state, wantParent, wantState string }{
		{parent, "a=1,b=2", parent, "a=1,b=2"},
		{parent, "", parent, ""},
		{parent, "a=1\r\nX-Evil: 1", parent, ""},
		{parent, "a=ü", parent, ""},
		{parent, "a=" + strings.Repeat("1", maxTraceBytes), parent, ""},
		{"", "a=1", "", ""},
		{parent + "\n", "a=1", "", ""},
		{strings.Repeat("0", maxTraceBytes+1), "a=1", "", ""},
	} {
		h := makeHeader()
		setTrace(&h, row.parent, row.state)
		if h.Get("Traceparent") != row.wantParent || h.Get("Tracestate") != row.wantState {
			t.Errorf("trace %.70q, %.70q became %v", row.parent, row.state, h)
		}
	}
}
