package stream

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// pullPatience is how long nobody may answer pull requests. A cluster elects
// another leader of a consumer in 4 to 9 s, and may have to try again.
const pullPatience = 25 * time.Second

// unanswered is told that nobody takes pull requests: the consumer is gone, or
// its leader is and the others have not elected one yet. Then requests are
// repeated until somebody does, and what is in hand stays there. The server is
// asked which it is; the answer comes to the inbox.
func (p *puller) unanswered(now time.Time) error {
	p.open, p.notUntil = 0, now.Add(pullPause)
	if p.leaderless.IsZero() {
		p.leaderless = now
	}
	if now.Sub(p.leaderless) > pullPatience {
		return fmt.Errorf("%w: nothing answers at %s", errConsumerGone, p.subject)
	}
	if err := p.nc.PublishRequest(p.info, p.inbox, nil); err != nil {
		return nil //nolint:nilerr // asked again with the next request that nobody takes
	}
	return nil
}

// lookedUp reads what the server knows of the consumer. Only that there is none
// is news: without a leader nobody knows more.
func (p *puller) lookedUp(answer []byte) error {
	var a struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer, &a); err != nil || a.Error == nil {
		return nil //nolint:nilerr // what cannot be read is no news
	}
	switch a.Error.ErrorCode {
	case jetstream.JSErrCodeConsumerNotFound, jetstream.JSErrCodeStreamNotFound:
		return fmt.Errorf("%w: %w", errConsumerGone, a.Error)
	default:
		return nil
	}
}
