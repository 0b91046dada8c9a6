package embedded

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// Config says how to run a server. The zero Config is a silent server on a
// free port of 127.0.0.1 with a temporary store.
type Config struct {
	// Host is the address to listen on; empty: 127.0.0.1.
	Host string
	// Port is the port for clients; 0: any free one.
	Port int
	// StoreDir keeps the streams from one start to the next; empty: a
	// temporary directory, which Shutdown removes. No two running servers may
	// share one.
	StoreDir string
	// SyncAlways syncs every write to the disk before it is acknowledged, as
	// nats-server's `sync_interval: always` does.
	SyncAlways bool
	// MaxPayload is the largest message in bytes; 0: nats-server's own, 1 MiB.
	MaxPayload int32
	// ConfigFile is a nats-server configuration with whatever else is needed:
	// accounts, users, limits, TLS. A field above that is set wins over the
	// file, and JetStream is on whatever the file says.
	ConfigFile string
	// Logger receives the server's own lines; nil: none. Lines of level debug
	// are written only if it is enabled for them when the server starts.
	Logger *slog.Logger
}

func (c Config) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger
}

// options merges the file and the fields into nats-server's terms. StoreDir is
// left empty where neither names one.
func (c Config) options() (*natsserver.Options, error) {
	if c.Port < 0 || c.Port > 65535 {
		return nil, fmt.Errorf("nats port %d is not between 0 and 65535", c.Port)
	}
	opts := &natsserver.Options{}
	if c.ConfigFile != "" {
		var err error
		if opts, err = natsserver.ProcessConfigFile(c.ConfigFile); err != nil {
			return nil, fmt.Errorf("read the nats configuration: %w", err)
		}
	}
	opts.JetStream = true
	opts.NoSigs = true
	opts.SyncAlways = opts.SyncAlways || c.SyncAlways
	override(&opts.Host, c.Host, "127.0.0.1")
	override(&opts.Port, c.Port, natsserver.RANDOM_PORT)
	override(&opts.StoreDir, c.StoreDir, "")
	override(&opts.MaxPayload, c.MaxPayload, 0)
	override(&opts.ServerName, "", "makebridge")
	return opts, nil
}

// override gives a setting the field's value, else leaves the file's, else
// takes the default.
func override[T comparable](setting *T, field, fallback T) {
	var zero T
	switch {
	case field != zero:
		*setting = field
	case *setting == zero:
		*setting = fallback
	}
}

func listenAddr(opts *natsserver.Options) string {
	return net.JoinHostPort(opts.Host, strconv.Itoa(max(opts.Port, 0)))
}
