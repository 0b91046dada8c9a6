package gate

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
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
// Provision is not set, or the server is too old for it, the error says what to do
// about it; any other error says that it could not be looked up.
func (b BucketConfig) Exists(ctx context.Context, js jetstream.JetStream) (bool, error) {
	if err := b.supported(js); err != nil {
		return false, err
	}
	_, err := b.find(ctx, js)
	switch {
	case err == nil:
		return true, nil
	case !errors.Is(err, jetstream.ErrBucketNotFound):
		return false, b.explain("look up", err)
	case !b.Provision:
		return false, b.missing()
	}
	return false, nil
}

// Create creates the bucket where there is none, whatever Provision says. From one that
// exists it takes that it keeps markers for ever.
func (b BucketConfig) Create(ctx context.Context, js jetstream.JetStream) error {
	_, err := b.find(ctx, js)
	if err == nil {
		return b.limitMarkers(ctx, js)
	}
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = b.create(ctx, js)
	}
	if err != nil {
		return fmt.Errorf("create bucket %s: %w", b.Name, err)
	}
	return nil
}

// KeepsMarkers reports whether the marker of a key that is removed stays in the bucket
// for ever, as in one that was made by hand without --marker-ttl: there are some for each
// event that is put off.
func (b BucketConfig) KeepsMarkers(ctx context.Context, js jetstream.JetStream) (bool, error) {
	s, err := js.Stream(ctx, "KV_"+b.Name)
	if err != nil {
		return false, b.explain("look up", err)
	}
	return keepsMarkers(s.CachedInfo().Config), nil
}

// keepsMarkers is KeepsMarkers by the bucket's stream. A mirror's are not ours to change.
func keepsMarkers(c jetstream.StreamConfig) bool { return !c.AllowMsgTTL && c.Mirror == nil }

// limitMarkers has the markers of keys go that are removed from now on, and leaves all
// else as it is.
func (b BucketConfig) limitMarkers(ctx context.Context, js jetstream.JetStream) error {
	s, err := js.Stream(ctx, "KV_"+b.Name)
	if err != nil {
		return b.explain("look up", err)
	}
	c := s.CachedInfo().Config
	if !keepsMarkers(c) {
		return nil
	}
	c.AllowMsgTTL, c.SubjectDeleteMarkerTTL = true, markerLife
	if _, err := js.UpdateStream(ctx, c); err != nil {
		return fmt.Errorf("limit the markers of bucket %s: %w", b.Name, err)
	}
	return nil
}

// open finds the bucket, or creates it if it may.
func (b BucketConfig) open(ctx context.Context, js jetstream.JetStream) (jetstream.KeyValue, error) {
	if err := b.supported(js); err != nil {
		return nil, err
	}
	kv, err := b.find(ctx, js)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		if !b.Provision {
			return nil, b.missing()
		}
		kv, err = b.create(ctx, js)
	}
	return kv, b.explain("open", err)
}

// supported says what to do where the server does not know keys that expire, which
// nats-server 2.11 has brought.
func (b BucketConfig) supported(js jetstream.JetStream) error {
	version := js.Conn().ConnectedServerVersion()
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n < 2 || major > 2 || major == 2 && minor >= 11 {
		return nil // or not known
	}
	return fmt.Errorf("nats-server %s is too old for bucket %s, whose keys expire: update it to 2.11 or newer", version, b.Name)
}

// explain adds to an error what an operator can do about it.
func (b BucketConfig) explain(attempt string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s bucket %s: %w (no answer from JetStream: is it enabled for this account, and may this user publish to $JS.API.STREAM.INFO.KV_%s?)",
			attempt, b.Name, err, b.Name)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount),
		errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%s bucket %s: %w: start nats-server with -js, enable JetStream for the account, or mend NATS_JS_DOMAIN", attempt, b.Name, err)
	}
	return fmt.Errorf("%s bucket %s: %w", attempt, b.Name, err)
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
