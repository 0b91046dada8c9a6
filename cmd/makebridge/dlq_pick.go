package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/makebridge/makebridge/bridge/replay"
)

// pick returns the letters that are meant, and the IDs of which there is none.
func pick(ctx context.Context, l *replay.Letters, ids []uint64, f replay.Filter, looked replay.Looked) (picks []replay.Pick, missing []replay.Failure, err error) {
	if len(ids) == 0 {
		picks, err = l.Select(ctx, f, looked)
		return picks, nil, err
	}
	for _, id := range ids {
		letter, err := l.Get(ctx, id)
		switch {
		case errors.Is(err, replay.ErrNoLetter):
			missing = append(missing, replay.Failure{ID: id, Err: err})
		case err != nil && letter.ID == 0:
			return nil, nil, err
		case f.Matches(letter):
			picks = append(picks, replay.Pick{ID: id, Route: letter.Route})
		}
	}
	return picks, missing, nil
}

// takeable returns the letters that somebody would take if they were replayed;
// the others are refused.
func takeable(ctx context.Context, events *replay.Events, picks []replay.Pick, o *outcome) (kept []replay.Pick, err error) {
	nobody := map[string]error{}
	for route := range countByRoute(picks) {
		err := events.Takes(ctx, route)
		var none *replay.NoConsumerError
		if err != nil && !errors.As(err, &none) {
			return nil, err
		}
		nobody[route] = err
	}
	for _, p := range picks {
		if err := nobody[p.Route]; err != nil {
			o.refused = append(o.refused, replay.Failure{ID: p.ID, Err: err})
			continue
		}
		kept = append(kept, p)
	}
	return kept, nil
}

func identifiers(picks []replay.Pick) []uint64 {
	ids := make([]uint64, len(picks))
	for i, p := range picks {
		ids[i] = p.ID
	}
	return ids
}

func countByRoute(picks []replay.Pick) map[string]int {
	counts := map[string]int{}
	for _, p := range picks {
		counts[p.Route]++
	}
	return counts
}

// byRoute says how many there are of each route.
func byRoute[N int | uint64](counts map[string]N) string {
	var each []string
	for _, route := range slices.Sorted(maps.Keys(counts)) {
		each = append(each, fmt.Sprintf("%s %d", printable(route), counts[route]))
	}
	return strings.Join(each, ", ")
}
