package bridge

import "testing"

// TestRequestSaysWhoseItIs: what counts requests tells routes that share a
// destination apart, and knows how old an event is.
func TestRequestSaysWhoseItIs(t *testing.T) {
	deliverer := &scripted{answers: []Answer{answer(ClassDelivered, 200, 1)}}
	p := NewPipeline(Config{testRoute(t), deliverer, &openGate{}, testPolicy, ValidationEnforce, nil})
	m := exampleMessage(t, "payment.success", "payments.success")

	p.Handle(t.Context(), m)

	if r := deliverer.requests[0]; r.Route != "payments" || !r.Published.Equal(m.Published) {
		t.Errorf("a request of route %q for an event published at %s", r.Route, r.Published)
	}
}
