package gate

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// BucketConfig says which bucket the replicas share.
type BucketConfig struct {
	Name string
	// Replicas of its stream, where the bucket is created.
	Replicas int
	// Provision lets the bridge create it.
	Provision bool
}

// Exists reports whether there is such a bucket. Where there is none and
// Provision is not set, the error says what to do about it; any other error
// says that it could not be looked up.
func (b BucketConfig) Exists(ctx context.Context, js jetstream.JetStream) (bool, error) {
	_, err := b.find(ctx, js)
	switch {
	case err == nil:
		return true, nil
	case !errors.Is(err, jetstream.ErrBucketNotFound):
		return false, fmt.Errorf("look up bucket %s: %w", b.Name, err)
	case !b.Provision:
		return false, b.missing()
	}
	return false, nil
}

// Create creates the bucket where there is none, whatever Provision says.
func (b BucketConfig) Create(ctx context.Context, js jetstream.JetStream) error {
	_, err := b.find(ctx, js)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = b.create(ctx, js)
	}
	if err != nil {
		return fmt.Errorf("create bucket %s: %w", b.Name, err)
	}
	return nil
}

func (b BucketConfig) missing() error {
	return fmt.Errorf("bucket %s does not exist (BRIDGE_PROVISION is false): create it with makebridge setup, or nats kv add %s --marker-ttl=1m", b.Name, b.Name)
}

func (b BucketConfig) find(ctx context.Context, js jetstream.JetStream) (jetstream.KeyValue, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	return js.KeyValue(ctx, b.Name)
}

func (b BucketConfig) create(ctx context.Context, js jetstream.JetStream) (jetstream.KeyValue, error) {
	kv, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: b.Name, Description: "what the replicas of makebridge share", History: 1, Replicas: b.Replicas,
		LimitMarkerTTL: markerLife,
	})
	if errors.Is(err, jetstream.ErrBucketExists) { // another was quicker
		return b.find(ctx, js)
	}
	return kv, err
}
