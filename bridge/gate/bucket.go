package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// entry is one value of the bucket.
type entry struct {
	value    []byte
	revision uint64
	created  time.Time // by the server's clock
}

var (
	errNotFound = errors.New("key not found")
	errConflict = errors.New("key was changed meanwhile")
)

// store is what the gate needs of a bucket. All changes are compare-and-set.
type store interface {
	// get returns errNotFound for a key that does not exist.
	get(ctx context.Context, key string) (entry, error)
	// create and update return errConflict where the key exists, or is not at
	// that revision any more.
	create(ctx context.Context, key string, value []byte) (uint64, error)
	update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	// remove returns errConflict likewise; revision 0 is whatever there is.
	remove(ctx context.Context, key string, revision uint64) error
	// put writes whatever there is.
	put(ctx context.Context, key string, value []byte) (uint64, error)
}

// bucket is the store on NATS, once it has been opened.
type bucket struct {
	kv atomic.Pointer[jetstream.KeyValue]
}

var errNotOpen = errors.New("the bucket is not open yet")

func (b *bucket) open() (jetstream.KeyValue, error) {
	if kv := b.kv.Load(); kv != nil {
		return *kv, nil
	}
	return nil, errNotOpen
}

func (b *bucket) get(ctx context.Context, key string) (entry, error) {
	kv, err := b.open()
	if err != nil {
		return entry{}, err
	}
	e, err := kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return entry{}, errNotFound
	}
	if err != nil {
		return entry{}, unanswered(err, "$JS.API.DIRECT.GET.KV_"+kv.Bucket()+".>")
	}
	return entry{e.Value(), e.Revision(), e.Created()}, nil
}

func (b *bucket) create(ctx context.Context, key string, value []byte) (uint64, error) {
	kv, err := b.open()
	if err != nil {
		return 0, err
	}
	revision, err := kv.Create(ctx, key, value)
	return revision, refusal(kv, key, err)
}

func (b *bucket) update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	kv, err := b.open()
	if err != nil {
		return 0, err
	}
	revision, err = kv.Update(ctx, key, value, revision)
	return revision, refusal(kv, key, err)
}

func (b *bucket) remove(ctx context.Context, key string, revision uint64) error {
	kv, err := b.open()
	if err != nil {
		return err
	}
	if revision == 0 {
		return refusal(kv, key, kv.Delete(ctx, key))
	}
	return refusal(kv, key, kv.Delete(ctx, key, jetstream.LastRevision(revision)))
}

func (b *bucket) put(ctx context.Context, key string, value []byte) (uint64, error) {
	kv, err := b.open()
	if err != nil {
		return 0, err
	}
	revision, err := kv.Put(ctx, key, value)
	return revision, refusal(kv, key, err)
}

// The codes of the errors by which a server refuses what it has no room for.
const (
	accountIsFull = 10002 // JSAccountResourcesExceededErr
	serverIsFull  = 10023 // JSInsufficientResourcesErr
	memoryIsFull  = 10028 // JSMemoryResourcesExceededErr
	storageIsFull = 10047 // JSStorageResourcesExceededErr
	bucketIsFull  = 10077 // JSStreamStoreFailedF
)

// isRefusal reports whether the server is there and does not take a change.
func isRefusal(err error) bool {
	_, refused := errors.AsType[*jetstream.APIError](err)
	return refused
}

// errUnanswered says that nobody answered in time. The server does so for good where a
// permission is missing, of which it tells the connection, not who asks.
var errUnanswered = errors.New("no answer")

// unanswered says what to look at where nobody answered what was sent to a subject.
func unanswered(err error, subject string) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w: may this NATS user publish to %s?", errUnanswered, err, subject)
}

// refusal tells a change that came too late from other trouble, and says what to do
// where there is no room for it, or where nobody answers.
func refusal(kv jetstream.KeyValue, key string, err error) error {
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return errConflict
	}
	if refused, ok := errors.AsType[*jetstream.APIError](err); ok {
		full := []jetstream.ErrorCode{accountIsFull, serverIsFull, memoryIsFull, storageIsFull, bucketIsFull}
		if slices.Contains(full, refused.ErrorCode) {
			return fmt.Errorf("%w: is JetStream's storage full? raise the limit of the account (max_file), the server (max_file_store) or the bucket, or make room", err)
		}
	}
	return unanswered(err, "$KV."+kv.Bucket()+"."+key)
}
