package telemetry

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge"
)

func TestOneLineForEachEvent(t *testing.T) {
	m := bridge.Message{Subject: "payments.success", Body: []byte("payload"), Sequence: 7, Delivery: 2}
	event := func(v bridge.Verdict) bridge.Verdict {
		v.EventID, v.Type, v.Attempts, v.Duration = "event-1", "payment.success", 3, 1500*time.Millisecond
		return v
	}
	common := map[string]any{
		"route": "payments", "subject": "payments.success", "event_id": "event-1", "type": "payment.success",
		"attempt": 3.0, "delivery": 2.0, "duration_ms": 1500.0, "sequence": 7.0,
	}
	for _, tt := range []struct {
		verdict bridge.Verdict
		want    map[string]any
	}{
		{bridge.Verdict{Outcome: bridge.Delivered, Status: 200}, map[string]any{"level": "INFO", "msg": "event delivered", "status": 200.0}},
		{bridge.Verdict{Outcome: bridge.Filtered}, map[string]any{"level": "INFO", "msg": "event filtered", "status": 0.0}},
		{bridge.Verdict{Outcome: bridge.Retried, Status: 500, Delay: time.Minute, Error: "HTTP 500"}, map[string]any{
			"level": "WARN", "msg": "event not delivered, trying again later", "status": 500.0, "next_delivery_ms": 60000.0, "error": "HTTP 500",
		}},
		{bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Invalid, Error: "/type: missing"}, map[string]any{
			"level": "ERROR", "msg": "event dead-lettered", "status": 0.0, "reason": "invalid", "error": "/type: missing",
		}},
		{bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Rejected, Status: 422, Error: "HTTP 422: payload"}, map[string]any{
			"level": "ERROR", "msg": "event dead-lettered", "status": 422.0, "reason": "rejected",
		}},
		{bridge.Verdict{Outcome: bridge.HandedBack}, map[string]any{"level": "INFO", "msg": "event handed back", "status": 0.0}},
	} {
		t.Run(tt.verdict.Outcome.String()+" "+tt.verdict.Reason.String(), func(t *testing.T) {
			var b bytes.Buffer
			NewDeliveries(NewLogger(&b, slog.LevelInfo, FormatJSON)).Settled("payments", m, event(tt.verdict))
			if strings.Count(b.String(), "\n") != 1 || strings.Contains(b.String(), "payload") {
				t.Fatalf("logged %s", b.String())
			}
			var got map[string]any
			if err := json.Unmarshal(b.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			delete(got, "time")
			for k, v := range common {
				tt.want[k] = v
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestInvalidEventThatIsLetThroughIsWarnedAbout(t *testing.T) {
	var b bytes.Buffer
	NewDeliveries(NewLogger(&b, slog.LevelWarn, FormatText)).Settled("payments",
		bridge.Message{Subject: "payments.success"}, bridge.Verdict{Outcome: bridge.Delivered, Warning: "/payload: missing", EventID: "event-1"})
	if s := b.String(); !strings.Contains(s, "/payload: missing") || !strings.Contains(s, "event-1") || strings.Count(s, "\n") != 1 {
		t.Errorf("logged %s", s)
	}
}

func TestFormats(t *testing.T) {
	for format, want := range map[Format]string{FormatText: "INF hello n=1", FormatColor: "\x1b[", FormatJSON: `"msg":"hello","n":1`} {
		var b bytes.Buffer
		log := NewLogger(&b, slog.LevelInfo, format)
		log.Debug("too much")
		log.Info("hello", "n", 1)
		if s := b.String(); !strings.Contains(s, want) || strings.Contains(s, "too much") {
			t.Errorf("%d: %q", format, s)
		}
	}
}
