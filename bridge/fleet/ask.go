package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/synadia-io/orbit.go/natsext"
)

const (
	// askTimeout is how long Ask takes at the most, askStall how long it waits
	// for another answer after one.
	askTimeout = time.Second
	askStall   = 300 * time.Millisecond
)

// Ask asks all replicas that can be reached over nc how they are. It returns
// those that have answered by the time no more answers come, a second later at
// the most: a replica that is busy or far away may be missing. They are sorted
// by when they started.
//
// That nobody answers is no error: no bridge runs, or this user may not publish
// to $SRV.STATS.makebridge, or the bridges' may not answer.
func Ask(ctx context.Context, nc *nats.Conn) ([]Replica, error) {
	limited, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	subject, err := micro.ControlSubject(micro.StatsVerb, serviceName, "")
	if err != nil {
		return nil, err
	}
	answers, err := natsext.RequestMany(limited, nc, subject, nil, natsext.RequestManyStall(askStall))
	if err != nil {
		return nil, fmt.Errorf("ask the replicas: %w", err)
	}
	var replicas []Replica
	for msg, err := range answers {
		if errors.Is(err, nats.ErrNoResponders) {
			break
		}
		if err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return nil, fmt.Errorf("ask the replicas: %w", err)
		}
		if r, ok := decode(msg.Data); ok {
			replicas = append(replicas, r)
		}
	}
	slices.SortFunc(replicas, func(a, b Replica) int {
		if c := a.Started.Compare(b.Started); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return replicas, ctx.Err()
}

// decode reads an answer. One that is not a bridge's is left out.
func decode(answer []byte) (Replica, bool) {
	var stats micro.Stats
	if err := json.Unmarshal(answer, &stats); err != nil || stats.Name != serviceName || stats.Metadata[metaReplica] == "" {
		return Replica{}, false
	}
	r := Replica{
		ID: stats.Metadata[metaReplica], Version: stats.Metadata[metaVersion], Host: stats.Metadata[metaHost],
		Started: stats.Started, Routes: []Route{},
	}
	for _, e := range stats.Endpoints {
		var route Route
		if err := json.Unmarshal(e.Data, &route); err == nil {
			r.Routes = append(r.Routes, route)
		}
	}
	return r, true
}
