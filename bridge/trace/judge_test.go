package trace

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestJudge is every place that a consumer may be at beside what receipts and
// notes tell.
func TestJudge(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	event := Publish{Sequence: 10, PublishedAt: now.Add(-time.Hour)}
	at := func(floor, delivered uint64) *position { return &position{floor: floor, delivered: delivered} }
	later, sooner := now.Add(time.Minute), now.Add(-time.Minute)
	retried := func(delay time.Duration) []Step {
		return []Step{{Outcome: "retried", At: now, DelayMS: delay.Milliseconds()}}
	}
	ended := func(outcome string) []Step { return append(retried(time.Minute), Step{Outcome: outcome, At: now}) }
	for name, tt := range map[string]struct {
		evidence evidence
		want     State
		until    time.Time
	}{
		"not come to yet":                           {evidence{position: at(3, 9)}, Waiting, time.Time{}},
		"handed out":                                {evidence{position: at(3, 10)}, InHand, time.Time{}},
		"handed out, others behind it too":          {evidence{position: at(9, 20)}, InHand, time.Time{}},
		"done with":                                 {evidence{position: at(10, 10)}, Settled, time.Time{}},
		"put off, by the note":                      {evidence{position: at(3, 10), due: later}, PutOff, later},
		"the note's time has come":                  {evidence{position: at(3, 10), due: sooner}, InHand, time.Time{}},
		"put off, by the receipt":                   {evidence{position: at(3, 10), steps: retried(2 * time.Minute)}, PutOff, now.Add(2 * time.Minute)},
		"the receipt's time has come":               {evidence{position: at(3, 10), steps: retried(0)}, InHand, time.Time{}},
		"put off again, its receipt is missing":     {evidence{position: at(3, 10), steps: retried(0), due: later}, PutOff, later},
		"done with, the last receipt is missing":    {evidence{position: at(10, 10), steps: retried(time.Minute)}, Settled, time.Time{}},
		"delivered":                                 {evidence{position: at(3, 10), steps: ended("delivered")}, Delivered, time.Time{}},
		"delivered, its acknowledgement was lost":   {evidence{position: at(3, 9), steps: ended("delivered")}, Delivered, time.Time{}},
		"filtered":                                  {evidence{position: at(10, 10), steps: ended("filtered")}, Filtered, time.Time{}},
		"dead-lettered":                             {evidence{position: at(10, 10), steps: ended("dead_lettered")}, DeadLettered, time.Time{}},
		"delivered on a route that is gone":         {evidence{steps: ended("delivered")}, Delivered, time.Time{}},
		"put off on a route that is gone":           {evidence{steps: retried(time.Minute)}, NoConsumer, time.Time{}},
		"the consumer began with a later sequence":  {evidence{position: &position{delivered: 20, floor: 20, fromSequence: 11}}, NotTaken, time.Time{}},
		"the consumer began with this one":          {evidence{position: &position{delivered: 9, floor: 9, fromSequence: 10}}, Waiting, time.Time{}},
		"the consumer began at a later time":        {evidence{position: &position{delivered: 20, floor: 20, fromTime: now}}, NotTaken, time.Time{}},
		"the consumer began later and was anew":     {evidence{position: &position{delivered: 20, floor: 20, fromSequence: 11}, steps: ended("filtered")}, Filtered, time.Time{}},
		"the consumer began at an earlier time":     {evidence{position: &position{delivered: 20, floor: 20, fromTime: now.Add(-2 * time.Hour)}}, Settled, time.Time{}},
		"the receipt's time is later than the note": {evidence{position: at(3, 10), steps: retried(time.Minute), due: sooner}, PutOff, later},
	} {
		t.Run(name, func(t *testing.T) {
			tt.evidence.event = event
			got := tt.evidence.judge(now)
			if got.State != tt.want || !got.Until.Equal(tt.until) {
				t.Errorf("%s until %s, want %s until %s", got.State, got.Until, tt.want, tt.until)
			}
			if got.Steps == nil {
				t.Error("steps are null in JSON")
			}
			if doubtful := got.State == Settled || got.State == NotTaken || got.State == NoConsumer; doubtful && got.Note == "" {
				t.Error("nothing says what is not certain")
			}
		})
	}
}

func TestPositionOfAConsumer(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	info := func(floor, delivered uint64, pending int, c jetstream.ConsumerConfig) *jetstream.ConsumerInfo {
		return &jetstream.ConsumerInfo{
			Name: "payments", Created: at, Config: c, NumAckPending: pending,
			Delivered: jetstream.SequenceInfo{Stream: delivered}, AckFloor: jetstream.SequenceInfo{Stream: floor},
		}
	}
	p := newPosition(info(3, 9, 2, jetstream.ConsumerConfig{FilterSubjects: []string{"payments.>", "redeliver.payments.>"}}))
	if p.floor != 3 || p.delivered != 9 || !p.fromTime.IsZero() || p.fromSequence != 0 {
		t.Errorf("%+v", p)
	}
	for subject, takes := range map[string]bool{"payments.success": true, "redeliver.payments.payments.success": true, "redeliver.errors.payments.success": false, "errors.x": false} {
		if p.takes(subject) != takes {
			t.Errorf("takes %s: %t", subject, !takes)
		}
	}
	// The server's floor stays where it was while others' events pass by.
	if p := newPosition(info(3, 9, 0, jetstream.ConsumerConfig{FilterSubject: "payments.>"})); p.floor != 9 || !p.takes("payments.x") {
		t.Errorf("%+v", p)
	}
	if p := newPosition(info(0, 0, 0, jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy})); !p.fromTime.Equal(at) {
		t.Errorf("%+v", p)
	}
	start := at.Add(time.Hour)
	if p := newPosition(info(0, 0, 0, jetstream.ConsumerConfig{OptStartTime: &start})); !p.fromTime.Equal(start) {
		t.Errorf("%+v", p)
	}
}
