package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/backlog"
	"github.com/makebridge/makebridge/bridge/config"
)

// holdsTime is how long a ping waits to be let in by NATS, which it could do
// without.
const holdsTime = time.Second

// lookUpHolds returns which destinations of the pings the bridge holds, by id.
// Where that cannot be found out it says so: pings go past holds anyway.
func lookUpHolds(ctx context.Context, cfg *config.Config, pings []ping, complain io.Writer) map[string]backlog.Hold {
	held, err := holdsOf(ctx, cfg, pings)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(complain, "makebridge: whether destinations are held is not known: %v\n", err)
	}
	return held
}

func holdsOf(ctx context.Context, cfg *config.Config, pings []ping) (map[string]backlog.Hold, error) {
	link, err := dial(cfg.NATS, nats.Timeout(holdsTime))
	if err != nil {
		return nil, err
	}
	defer link.close()
	var ids []string
	asked := map[string]bool{}
	for _, p := range pings {
		if id := p.route.Destination.URL.ID(); !asked[id] {
			ids, asked[id] = append(ids, id), true
		}
	}
	return backlog.Held(ctx, link.js, cfg.Stream.Bucket, ids)
}
