package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Replay has letters delivered again by their routes, in the order of ids: for
// each a copy of the event is stored in the stream of events under
// redeliver.<route>.<subject>, and then the letter is deleted.
//
// Once ctx is done no more are begun; those under way, a few dozen, are
// finished, unless its cause is ErrAbandon. They are one at a time until one has
// shown that letters can be deleted. Where no consumer takes a route's
// redeliveries its letters should not be replayed: see Events.Takes.
//
// It ends at the first error that others would meet too, with the tally so far.
// That is a *KeptError where copies are stored whose letters are not deleted.
func (l *Letters) Replay(ctx context.Context, events *Events, ids []uint64, p Progress) (Tally, error) {
	again := redelivery{l.js, events.source.name}
	tally, err := l.settle(ctx, ids, p, func(ctx context.Context, id uint64, t turn, passed func()) (bool, error) {
		msg, err := l.copy(ctx, again, id)
		if err != nil {
			return false, err
		}
		already, err := again.publish(ctx, msg, t, passed)
		if err != nil {
			return false, err
		}
		// The event is in the stream of events once more, where it stays for
		// its time: nothing is won by erasing the letter.
		if err := l.delete(ctx, id, l.source.stream.DeleteMsg); err != nil && !errors.Is(err, ErrNoLetter) {
			return already, &KeptError{Letters: []uint64{id}, Err: err}
		}
		return already, nil
	})
	if kept := (*KeptError)(nil); errors.As(err, &kept) {
		kept.Window = events.DuplicateWindow()
	}
	return tally, err
}

// copy makes the event of a letter anew.
func (l *Letters) copy(ctx context.Context, again redelivery, id uint64) (msg *nats.Msg, err error) {
	letter, err := l.Get(ctx, id)
	if letter.ID == 0 {
		return nil, err
	}
	if err != nil {
		return nil, &unreadableError{err}
	}
	if letter.Subject == "" {
		return nil, &unreadableError{errors.New("its subject does not say where the event was published")}
	}
	// The same for one letter however often it is replayed; another for the
	// next letter of the same event, and in a stream that was created again.
	copyID := fmt.Sprintf("letter:%s:%d:%d", l.source.name, id, letter.Stored.UnixNano())
	return again.message(letter.Route, letter.Subject, copyID, letter.Header, letter.Body), nil
}

// Discard erases letters: the server overwrites what it has stored of each, so
// that personal data does not stay behind on its disk. That takes it some 10 ms
// a letter. With erase false it only deletes them, which is a hundred times
// faster and leaves the bytes on the disk until the server reuses the space.
// Backups and mirrors of the stream are left alone. Nothing is delivered.
//
// It ends like Replay.
func (l *Letters) Discard(ctx context.Context, ids []uint64, erase bool, p Progress) (Tally, error) {
	remove := l.source.stream.DeleteMsg
	if erase {
		remove = l.source.stream.SecureDeleteMsg
	}
	return l.settle(ctx, ids, p, func(ctx context.Context, id uint64, _ turn, passed func()) (bool, error) {
		passed()
		return false, l.delete(ctx, id, remove)
	})
}

// settle deals with letters and counts what becomes of them.
func (l *Letters) settle(
	ctx context.Context, ids []uint64, p Progress,
	deal func(ctx context.Context, id uint64, t turn, passed func()) (already bool, err error),
) (Tally, error) {
	if c := l.source.stream.CachedInfo().Config; c.DenyDelete || c.Sealed {
		return Tally{Total: len(ids)}, fmt.Errorf("stream %s does not allow messages to be deleted, and a letter that is replayed or discarded must go", l.source.name)
	}
	count := newCounter(len(ids), p)
	q := queue{alone: count.noneDone, do: func(ctx context.Context, i int, t turn, passed func()) error {
		already, err := deal(ctx, ids[i], t, passed)
		return count.note(i, ids[i], already, err)
	}}
	err := q.run(ctx, len(ids))
	if len(count.kept) > 0 {
		slices.Sort(count.kept)
		err = &KeptError{Letters: count.kept, Err: err}
	}
	return count.tally, err
}

// delete deletes a letter. It returns ErrNoLetter where somebody else has.
func (l *Letters) delete(ctx context.Context, id uint64, how func(context.Context, uint64) error) error {
	err := how(ctx, id)
	if err == nil {
		return nil
	}
	if _, missing := l.source.stream.GetMsg(ctx, id); errors.Is(missing, jetstream.ErrMsgNotFound) {
		return ErrNoLetter
	}
	return fmt.Errorf("delete letter %d of %s: %w", id, l.source.name, err)
}
