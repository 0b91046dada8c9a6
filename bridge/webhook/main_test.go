package webhook

import (
	"context"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/makebridge/makebridge/bridge"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		if err := os.Unsetenv(name); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

const eventBody = `{"type":"payment.success","event_id":"evt-1","sent_at":"2026-01-02T03:04:05Z","payload":{}}`

func newDestination(tb testing.TB, address string) *bridge.Destination {
	tb.Helper()
	u, err := bridge.ParseWebhookURL(address, true)
	if err != nil {
		tb.Fatal(err)
	}
	return &bridge.Destination{URL: u}
}

// newEvent returns a delivery of three requests to the address.
func newEvent(tb testing.TB, address string) bridge.Request {
	tb.Helper()
	return bridge.Request{
		Destination: newDestination(tb, address),
		EventID:     "evt-1", Type: "payment.success", Subject: "payments.success",
		Body:     []byte(eventBody),
		Delivery: 1, Attempt: 1,
		MaxAttempts: 3, Timeout: 20 * time.Second,
	}
}

// goOn is a gate that is open.
func goOn(context.Context) error { return nil }

// newClient returns a client that is closed with the test.
func newClient(tb testing.TB, c Config) *Client {
	tb.Helper()
	client := New(c)
	tb.Cleanup(client.Close)
	return client
}
