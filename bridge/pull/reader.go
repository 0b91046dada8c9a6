package pull

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// heartbeat is how often the server says that it still has a request, and
	// mostSilence without a word from it means that the request is lost.
	heartbeat   = 3 * time.Second
	mostSilence = 2*heartbeat + time.Second
	// statuses is room for what the server says beside the messages of a batch.
	statuses = 64
)

// Reader reads from one consumer. Nobody else may, if it is to see all messages.
type Reader struct {
	nc      *nats.Conn
	subject string // where pull requests go
}

// NewReader returns a reader of a consumer that exists.
func NewReader(js jetstream.JetStream, c *jetstream.ConsumerInfo) *Reader {
	return &Reader{js.Conn(), APIPrefix(js) + "CONSUMER.MSG.NEXT." + c.Stream + "." + c.Name}
}

// APIPrefix is where the JetStream API of this context listens.
func APIPrefix(js jetstream.JetStream) string {
	o := js.Options()
	switch {
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "."
	case o.Domain != "":
		return fmt.Sprintf("$JS.%s.API.", o.Domain)
	}
	return jetstream.DefaultAPIPrefix
}

// Batch shows each the next n messages, in their order, until it returns false.
// It waits so long for all of them, which is no error if there are fewer, and
// returns how many it has shown. The error is jetstream.ErrNoHeartbeat where the
// server falls silent. Messages that are lost on their way are not noticed.
func (r *Reader) Batch(ctx context.Context, n int, wait time.Duration, each func(*nats.Msg) bool) (shown int, err error) {
	msgs := make(chan *nats.Msg, n+statuses)
	inbox := r.nc.NewInbox()
	sub, err := r.nc.ChanSubscribe(inbox, msgs)
	if err != nil {
		return 0, fmt.Errorf("subscribe to messages: %w", err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // the connection may be gone, and the subscription with it
	if err := r.request(inbox, n, wait); err != nil {
		return 0, fmt.Errorf("pull: %w", err)
	}
	silence := time.NewTimer(mostSilence)
	defer silence.Stop()
	for shown < n {
		silence.Reset(mostSilence) // not before: each may take its time
		select {
		case msg := <-msgs:
			if msg.Reply == "" {
				if ended, err := status(msg.Header); ended {
					return shown, err
				}
				continue
			}
			shown++
			if !each(msg) {
				return shown, nil
			}
		case <-silence.C:
			return shown, jetstream.ErrNoHeartbeat
		case <-ctx.Done():
			return shown, ctx.Err()
		}
	}
	return shown, nil
}

// request asks for n messages that come within a time.
func (r *Reader) request(inbox string, n int, wait time.Duration) error {
	body, err := json.Marshal(struct {
		Batch     int           `json:"batch"`
		Expires   time.Duration `json:"expires"`
		Heartbeat time.Duration `json:"idle_heartbeat"`
	}{n, wait, min(heartbeat, wait/2)}) // the server allows no more than half
	if err != nil {
		return err
	}
	return r.nc.PublishRequest(r.subject, inbox, body)
}

// status reports whether a request is over, and why, unless that is its time or
// that there are no messages.
func status(h nats.Header) (ended bool, err error) {
	switch code := h.Get("Status"); code {
	case "100": // heartbeat
		return false, nil
	case "404", "408": // no messages, request expired
		return true, nil
	case "503":
		return true, nats.ErrNoResponders
	default:
		return true, fmt.Errorf("the server ends the request: %s %s", code, h.Get("Description"))
	}
}
