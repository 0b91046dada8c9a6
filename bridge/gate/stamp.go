package gate

import (
	"context"
	"errors"
	"time"
)

// stampPause is the time before a value is read again that is not there yet.
const stampPause = 20 * time.Millisecond

// stamp returns when the server stored a revision of a key that was just
// written. In a cluster any server answers, also one that is behind the leader
// which confirmed the revision: the stamp of an earlier one would set the clock
// back by as much as that one is older.
func stamp(ctx context.Context, s store, key string, revision uint64) (time.Time, error) {
	for {
		e, err := s.get(ctx, key)
		if err != nil && !errors.Is(err, errNotFound) {
			return time.Time{}, err
		}
		if err == nil && e.revision >= revision {
			return e.created, nil
		}
		if err := sleep(ctx, stampPause); err != nil {
			return time.Time{}, err
		}
	}
}
