package config

import (
	"slices"
	"strings"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// routePrefix begins the name of every variable of a route.
const routePrefix = "MAKE_WEBHOOK_"

// routeSettings are what each route can be told, by variables named
// MAKE_WEBHOOK_<NAME>_ and the field's.
type routeSettings struct {
	URL               string          `env:"URL" secret:"true" meaning:"the route's webhook"`
	URLFile           string          `env:"URL_FILE" meaning:"file that holds it instead"`
	APIKey            string          `env:"API_KEY" secret:"true" meaning:"sent as x-make-apikey"`
	APIKeyFile        string          `env:"API_KEY_FILE" meaning:"file that holds it instead"`
	SigningSecret     string          `env:"SIGNING_SECRET" secret:"true" meaning:"Standard Webhooks secrets, base64 with or without whsec_, space-separated"`
	SigningSecretFile string          `env:"SIGNING_SECRET_FILE" meaning:"file that holds them instead"`
	Subjects          []string        `env:"SUBJECTS" meaning:"what the route takes, separated by commas or white space; a route of your own needs it"`
	Concurrency       int             `env:"CONCURRENCY" default:"BRIDGE_CONCURRENCY" min:"1" max:"10000" meaning:"requests in flight, a replica"`
	RateLimit         bridge.Limit    `env:"RATE_LIMIT" default:"BRIDGE_RATE_LIMIT" meaning:"requests to the destination in any such window, all replicas together"`
	Timeout           time.Duration   `env:"TIMEOUT" default:"BRIDGE_DELIVERY_TIMEOUT" min:"1ms" meaning:"one request"`
	Ordering          bridge.Ordering `env:"ORDERING" default:"BRIDGE_ORDERING" meaning:"none, key or strict: which events are delivered one after another; one replica at a time serves a route that keeps an order"`
	Start             bridge.Start    `env:"START" default:"all" meaning:"where a consumer that is created begins: all, new or an RFC 3339 time"`
}

// errorsRoute is the one route that has errorsSettings too.
const errorsRoute = "ERRORS"

type errorsSettings struct {
	MinSeverity bridge.Severity `env:"MIN_SEVERITY" envDefault:"HIGH" meaning:"lowest severity that is delivered: LOW, MEDIUM, HIGH or CRITICAL"`
}

// routeKeys lists what can follow a route's name in the name of a variable.
func routeKeys(stem string) []string {
	var keys []string
	list := settings(&routeSettings{})
	if stem == errorsRoute {
		list = append(list, settings(&errorsSettings{})...)
	}
	for _, s := range list {
		keys = append(keys, s.key)
	}
	return keys
}

// routeOf returns the stem that stands for the route in the name of one of its
// variables: what is before the longest key that the name ends in.
func routeOf(name string) (stem string, ok bool) {
	rest, ok := strings.CutPrefix(name, routePrefix)
	if !ok {
		return "", false
	}
	longest := ""
	for _, key := range routeKeys(errorsRoute) {
		if s, found := strings.CutSuffix(rest, "_"+key); found && len(key) > len(longest) {
			stem, longest = s, key
		}
	}
	return stem, slices.Contains(routeKeys(stem), longest)
}
