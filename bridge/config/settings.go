package config

import (
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// Stream says where events and dead letters are kept, and how the bridge may
// treat those streams.
type Stream struct {
	Name string `env:"BRIDGE_STREAM" envDefault:"EVENTS" meaning:"the stream of events"`
	DLQ  string `env:"BRIDGE_DLQ_STREAM" envDefault:"EVENTS_DLQ" meaning:"the stream of dead letters"`
	// Bucket is the key-value bucket that replicas share.
	Bucket string `env:"BRIDGE_BUCKET" envDefault:"makebridge" meaning:"the key-value bucket that replicas share"`
	// Replicas, MaxAge and DLQMaxAge are for streams that the bridge creates. A
	// zero DLQMaxAge keeps letters for ever.
	Replicas  int           `env:"BRIDGE_STREAM_REPLICAS" envDefault:"1" min:"1" max:"5" meaning:"replicas of a stream that the bridge creates"`
	MaxAge    time.Duration `env:"BRIDGE_STREAM_MAX_AGE" envDefault:"720h" min:"1s" meaning:"how long a stream that the bridge creates keeps events"`
	DLQMaxAge time.Duration `env:"BRIDGE_DLQ_MAX_AGE" min:"1s" meaning:"how long a dead-letter stream that the bridge creates keeps letters; empty: for ever"`
	// Receipts say of every settled event what became of it; ReceiptsMaxAge is
	// for their stream, where the bridge creates it.
	Receipts       Switch        `env:"BRIDGE_RECEIPTS" envDefault:"on" meaning:"on or off: keep a receipt of what became of each event, which makebridge trace reads"`
	ReceiptsMaxAge time.Duration `env:"BRIDGE_RECEIPTS_MAX_AGE" envDefault:"168h" min:"1s" meaning:"how long a stream of receipts that the bridge creates keeps them"`
	// Provision lets the bridge create and extend streams and consumers.
	Provision bool `env:"BRIDGE_PROVISION" envDefault:"true" meaning:"create or extend streams and consumers at start; false: only check"`
}

// receiptsSuffix follows the name of the stream of events in that of the stream
// of receipts.
const receiptsSuffix = "_RECEIPTS"

// ReceiptsStream names the stream of receipts: that of events with _RECEIPTS
// behind it. It is empty while receipts are off.
func (s Stream) ReceiptsStream() string {
	if !s.Receipts {
		return ""
	}
	return s.Name + receiptsSuffix
}

// routeDefaults are what a route takes that does not say otherwise.
type routeDefaults struct {
	Concurrency int             `env:"BRIDGE_CONCURRENCY" envDefault:"16" min:"1" max:"10000" meaning:"requests in flight a route, a replica"`
	RateLimit   bridge.Limit    `env:"BRIDGE_RATE_LIMIT" envDefault:"300/10s" meaning:"requests to a destination in any such window, all replicas together; off to disable"`
	Timeout     time.Duration   `env:"BRIDGE_DELIVERY_TIMEOUT" envDefault:"20s" min:"1ms" meaning:"one request, from dialling to the end of the answer"`
	Ordering    bridge.Ordering `env:"BRIDGE_ORDERING" envDefault:"none" meaning:"none, key or strict: which events of a route are delivered one after another"`
}

// Delivery bounds the requests within one delivery of an event.
type Delivery struct {
	Attempts   int           `env:"BRIDGE_DELIVERY_ATTEMPTS" envDefault:"3" min:"1" max:"100" meaning:"requests within one delivery"`
	BackoffMin time.Duration `env:"BRIDGE_DELIVERY_BACKOFF_MIN" envDefault:"500ms" min:"1ms" meaning:"shortest pause between the requests of a delivery"`
	BackoffMax time.Duration `env:"BRIDGE_DELIVERY_BACKOFF_MAX" envDefault:"10s" min:"1ms" meaning:"longest pause between the requests of a delivery"`
}

// Retry says what becomes of an event whose delivery failed.
type Retry struct {
	// RedeliveryDelays are the pauses after the first, second, … failed
	// delivery; the last one repeats. There is at least one.
	RedeliveryDelays []time.Duration `env:"BRIDGE_REDELIVERY_DELAYS" envDefault:"30s,2m,10m,30m,1h,2h,4h,8h" min:"1ms" meaning:"delays before the next delivery after one failed; the last repeats"`
	MaxDeliveries    int             `env:"BRIDGE_MAX_DELIVERIES" envDefault:"12" min:"1" max:"1000000" meaning:"failed deliveries after which an event is dead-lettered as exhausted"`
	// GiveUpAfter is the age from which a failing event is dead-lettered as
	// expired; zero is never.
	GiveUpAfter time.Duration `env:"BRIDGE_GIVE_UP_AFTER" min:"1ms" meaning:"age at which a failing event is dead-lettered as expired; empty: never"`
}

// Hold says when a destination is held, and for how long.
type Hold struct {
	After int           `env:"BRIDGE_HOLD_AFTER" envDefault:"5" min:"1" max:"1000000" meaning:"consecutive failed deliveries that hold a destination"`
	Min   time.Duration `env:"BRIDGE_HOLD_MIN" envDefault:"15s" min:"1ms" meaning:"how long the first hold lasts before a probe"`
	Max   time.Duration `env:"BRIDGE_HOLD_MAX" envDefault:"5m" min:"1ms" meaning:"how long a hold lasts at most, after doubling"`
}

// General are the settings that belong to no group; they are read as fields of
// Config.
type General struct {
	// AckWait is the consumers'.
	AckWait    time.Duration     `env:"BRIDGE_ACK_WAIT" envDefault:"60s" min:"1s" meaning:"the consumers' AckWait; work in hand is kept alive"`
	Validation bridge.Validation `env:"BRIDGE_VALIDATION" envDefault:"enforce" meaning:"enforce, warn or off: what becomes of an event that does not match its schema"`
	// AllowHTTP accepts plain http webhooks on any host.
	AllowHTTP bool `env:"BRIDGE_ALLOW_HTTP" envDefault:"false" meaning:"accept plain http webhooks on hosts other than this one"`
	// HTTPAddr is where health and metrics are served, host:port; empty is
	// nowhere.
	HTTPAddr string `env:"BRIDGE_HTTP_ADDR" envDefault:":8080" empty:"off" meaning:"health and metrics; empty or off: not served"`
	// Profiles serves net/http/pprof there as well.
	Profiles        bool          `env:"BRIDGE_PPROF" envDefault:"false" meaning:"serve Go's profiles (/debug/pprof/) at BRIDGE_HTTP_ADDR too"`
	ShutdownTimeout time.Duration `env:"BRIDGE_SHUTDOWN_TIMEOUT" envDefault:"25s" min:"1ms" meaning:"time to finish what is in flight on SIGTERM or SIGINT"`
}

// Log says what is logged, and how.
type Log struct {
	Level  Level  `env:"BRIDGE_LOG_LEVEL" envDefault:"info" meaning:"debug, info, warn or error"`
	Format Format `env:"BRIDGE_LOG_FORMAT" envDefault:"auto" meaning:"text, json, or auto: coloured text on a terminal, JSON lines elsewhere"`
}
