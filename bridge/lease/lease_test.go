package lease

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

func TestMain(m *testing.M) { testbed.VerifyNoLeaks(m) }

const (
	key    = "owner.payments"
	bucket = "makebridge"
)

type bed struct {
	*testing.T
	server *embedded.Server
	js     jetstream.JetStream
}

func newBed(t *testing.T) *bed {
	t.Helper()
	return newBedWith(t, embedded.Config{})
}

func newBedWith(t *testing.T, c embedded.Config) *bed {
	t.Helper()
	b := &bed{T: t, server: testbed.StartServer(t, c)}
	b.js = b.dial()
	b.createBucket()
	return b
}

func (b *bed) dial() jetstream.JetStream {
	b.Helper()
	return testbed.Connect(b, b.server.URL())
}

func (b *bed) createBucket() jetstream.KeyValue {
	b.Helper()
	kv, err := b.js.CreateKeyValue(b.Context(), jetstream.KeyValueConfig{Bucket: bucket})
	if err != nil {
		b.Fatal(err)
	}
	return kv
}

// keeper is one of a replica of its own, with a connection of its own.
func (b *bed) keeper(replica string) *Keeper {
	b.Helper()
	return New(Config{JetStream: b.dial(), Bucket: bucket, Replica: replica, Logger: slog.New(slog.DiscardHandler)})
}

func (b *bed) acquire(k *Keeper, life time.Duration) *Tenure {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), testbed.Patience)
	defer cancel()
	t, err := k.Acquire(ctx, key, life)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(t.Abandon)
	return t
}

// revision is that of the key now, 0 where there is none.
func (b *bed) revision() uint64 {
	kv, err := b.js.KeyValue(b.Context(), bucket)
	if err != nil {
		return 0
	}
	e, err := kv.Get(b.Context(), key)
	if err != nil {
		return 0
	}
	return e.Revision()
}

func (b *bed) eventually(what string, ok func() bool) {
	b.Helper()
	testbed.Eventually(b, what, ok)
}

// silence is for how long a tenure has not been renewed.
func silence(t *Tenure) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.renewed)
}

func isOver(t *Tenure) bool {
	select {
	case <-t.Over():
		return true
	default:
		return false
	}
}

func TestOneOwnerAtATime(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	var owners, turns atomic.Int32
	var all sync.WaitGroup
	for i := range 5 {
		k := b.keeper(fmt.Sprint("replica-", i))
		all.Go(func() {
			for range 4 {
				tenure, err := k.Acquire(t.Context(), key, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				if n := owners.Add(1); n != 1 {
					t.Errorf("%d owners", n)
				}
				if _, crashed := tenure.Predecessor(); crashed || !tenure.Holds() {
					t.Errorf("predecessor crashed: %t, holds: %t", crashed, tenure.Holds())
				}
				turns.Add(1)
				<-time.After(5 * time.Millisecond) // others have the time to come in between
				owners.Add(-1)
				if err := tenure.Release(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if turns.Load() != 20 {
		t.Errorf("%d turns, want 20", turns.Load())
	}
}

func TestLeaseIsRenewedAndKept(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	const life = 8 * time.Second // a stall of the machine is shorter
	owner := b.acquire(b.keeper("owner"), life)
	first := b.revision()
	waiting, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan error, 1)
	standby := b.keeper("standby")
	go func() { _, err := standby.Acquire(waiting, key, life); got <- err }()
	b.eventually("renewals for longer than its life", func() bool { return b.revision() > first+uint64(life/mostInterval) })
	if !owner.Holds() || isOver(owner) {
		t.Error("the owner lost what it renewed")
	}
	cancel()
	if err := <-got; err == nil {
		t.Error("a standby took a lease that is renewed")
	}
}

func TestSilentOwnerIsTakenForGone(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	const life = 400 * time.Millisecond
	first := b.acquire(b.keeper("first"), life)
	first.Abandon()
	last := first.renewed
	// The standby's own life is of no importance: the owner's is.
	second := b.acquire(b.keeper("second"), time.Hour)
	if waited := second.renewed.Sub(last); waited < life {
		t.Errorf("taken after %s, which is within the owner's life", waited)
	}
	if first.Holds() {
		t.Error("the first still believes to own it")
	}
	heard, crashed := second.Predecessor()
	if !crashed || heard.Before(last) || heard.After(second.renewed) {
		t.Errorf("predecessor crashed: %t, heard %s after its last renewal", crashed, heard.Sub(last))
	}
}

func TestReplicaTakesBackItsOwnAtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	k := b.keeper("replica")
	b.acquire(k, time.Hour).Abandon()
	if !b.acquire(k, time.Hour).Holds() {
		t.Error("not taken back")
	}
}

func TestTenureIsOverWhenTheKeyIsTakenOrRemoved(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(*bed, jetstream.KeyValue) error{
		"taken": func(b *bed, kv jetstream.KeyValue) error {
			_, err := kv.Put(b.Context(), key, []byte(`{"tenure":"other"}`))
			return err
		},
		"unreadable": func(b *bed, kv jetstream.KeyValue) error {
			_, err := kv.Put(b.Context(), key, []byte(`?`))
			return err
		},
		"removed": func(b *bed, kv jetstream.KeyValue) error { return kv.Delete(b.Context(), key) },
		"bucket deleted and created again": func(b *bed, _ jetstream.KeyValue) error {
			if err := b.js.DeleteKeyValue(b.Context(), bucket); err != nil {
				return err
			}
			b.createBucket()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			tenure := b.acquire(b.keeper("owner"), time.Second)
			kv, err := b.js.KeyValue(t.Context(), bucket)
			if err != nil {
				t.Fatal(err)
			}
			if err := harm(b, kv); err != nil {
				t.Fatal(err)
			}
			b.eventually("the tenure to be over", func() bool { return isOver(tenure) })
			if tenure.Holds() {
				t.Error("holds what is over")
			}
			before := b.revision()
			if err := tenure.Release(t.Context()); err != nil {
				t.Error(err)
			}
			if b.revision() != before {
				t.Error("released somebody else's lease")
			}
		})
	}
}

func TestRenewalThatWasNotConfirmedIsRecognised(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	tenure := b.acquire(b.keeper("owner"), time.Minute)
	kv, err := b.js.KeyValue(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	// As a renewal whose confirmation was lost leaves it.
	revision, err := kv.Put(t.Context(), key, tenure.value)
	if err != nil {
		t.Fatal(err)
	}
	b.eventually("a renewal after it", func() bool { return b.revision() > revision })
	if isOver(tenure) || !tenure.Holds() {
		t.Error("the owner gave way to itself")
	}
	if err := tenure.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if _, crashed := b.acquire(b.keeper("next"), time.Hour).Predecessor(); crashed {
		t.Error("not released")
	}
}

// TestRemovedRecordMakesNoSecondOwner: whoever finds no record does not begin
// before the owner whose record it was has noticed.
func TestRemovedRecordMakesNoSecondOwner(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(*bed) error{
		"key": func(b *bed) error {
			kv, err := b.js.KeyValue(b.Context(), bucket)
			if err != nil {
				return err
			}
			return kv.Delete(b.Context(), key)
		},
		"bucket": func(b *bed) error {
			if err := b.js.DeleteKeyValue(b.Context(), bucket); err != nil {
				return err
			}
			b.createBucket()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			first := b.acquire(b.keeper("first"), 2*time.Second)
			got := make(chan *Tenure, 1)
			standby := b.keeper("second")
			go func() {
				second, err := standby.Acquire(t.Context(), key, 2*time.Second)
				if err != nil {
					t.Error(err)
				} else if first.Holds() {
					t.Error("two owners")
				}
				got <- second
			}()
			if err := remove(b); err != nil {
				t.Fatal(err)
			}
			if second := <-got; second != nil {
				second.Abandon()
			}
		})
	}
}

// TestOutageSuspendsATenure: without NATS the owner stops believing in its
// lease before anybody else could have it, and goes on where nobody has.
func TestOutageSuspendsATenure(t *testing.T) {
	t.Parallel()
	config := embedded.Config{StoreDir: t.TempDir(), Port: testbed.FreePort(t)}
	b := &bed{T: t}
	restart := func() { b.server = testbed.StartServer(t, config) }
	restart()
	b.js = b.dial()
	b.createBucket()
	const life = time.Second
	tenure := b.acquire(b.keeper("owner"), life)
	b.server.Shutdown()
	b.eventually("the tenure to be suspended", func() bool {
		silent := silence(tenure) // it is no shorter by the time of the answer
		holds := tenure.Holds()
		if holds && silent >= life {
			t.Errorf("still believes in its lease %s after the last renewal", silent)
		}
		return !holds
	})
	if isOver(tenure) {
		t.Error("over, and nobody has taken it")
	}
	restart()
	b.eventually("the tenure to go on", tenure.Holds)
}

// TestLeaseOutlivesAFullStorage: what the server refuses to write for this replica it
// refuses for others, and it still says whose the key is.
func TestLeaseOutlivesAFullStorage(t *testing.T) {
	b := newBedWith(t, embedded.Config{ConfigFile: testbed.LittleStorage(t, "1MB")})
	const life = 2 * time.Second
	owner := b.acquire(b.keeper("a"), life)
	if _, err := b.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "FILL", Subjects: []string{"fill"}}); err != nil {
		t.Fatal(err)
	}
	testbed.Fill(t, b.js, "fill")
	full := time.Now()
	b.eventually("several lives to pass", func() bool { return time.Since(full) > 3*life })
	b.eventually("the lease to be held", owner.Holds)
	if now := b.revision(); now != owner.revision {
		t.Errorf("the key is at revision %d, not at %d: the storage was not full", now, owner.revision)
	}
	kv, err := b.js.KeyValue(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.js.DeleteStream(t.Context(), "FILL"); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), key, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	b.eventually("the lease to be over", func() bool {
		select {
		case <-owner.Over():
			return true
		default:
			return false
		}
	})
}
