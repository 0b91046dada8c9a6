package config

import (
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/caarlos0/env/v10"

	"github.com/makebridge/makebridge/bridge"
)

// maxDuration keeps sums of durations far from overflowing.
const maxDuration = 10 * 365 * 24 * time.Hour

// parsers read every type that a setting has. Those of the library are replaced
// because their errors quote the value.
func parsers() map[reflect.Type]env.ParserFunc {
	return map[reflect.Type]env.ParserFunc{
		reflect.TypeFor[int]():             parser(parseInt),
		reflect.TypeFor[bool]():            parser(parseBool),
		reflect.TypeFor[time.Duration]():   parser(parseDuration),
		reflect.TypeFor[[]time.Duration](): parser(parseDurations),
		reflect.TypeFor[[]string]():        parser(parseWords),
		reflect.TypeFor[[]Server]():        parser(parseServers),
		reflect.TypeFor[bridge.Secret]():   parser(parseSecret),
		reflect.TypeFor[bridge.Limit]():    parser(parseLimit),
		reflect.TypeFor[bridge.Start]():    parser(parseStart),
		reflect.TypeFor[bridge.Severity](): parser(parseSeverity),
	}
}

func parser[T any](parse func(string) (T, error)) env.ParserFunc {
	return func(value string) (any, error) { return parse(value) }
}

func parseInt(value string) (int, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 32)
	if err != nil {
		return 0, fault("must be a whole number")
	}
	return int(n), nil
}

func parseBool(value string) (bool, error) {
	b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(value)))
	if err != nil {
		return false, fault("must be true or false")
	}
	return b, nil
}

func parseDuration(value string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(value))
	switch {
	case err != nil:
		return 0, fault("must be a duration with a unit, such as 20s")
	case d > maxDuration:
		return 0, fault("must be at most " + strconv.Itoa(int(maxDuration.Hours())) + "h")
	}
	return d, nil
}

func parseDurations(value string) ([]time.Duration, error) {
	var list []time.Duration
	for i, item := range strings.Split(value, ",") {
		d, err := parseDuration(item)
		if err != nil {
			return nil, fault("item " + strconv.Itoa(i+1) + " " + err.Error() +
				"; items are separated by commas")
		}
		list = append(list, d)
	}
	return list, nil
}

// parseWords reads a list separated by commas or white space.
func parseWords(value string) ([]string, error) {
	words := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	if len(words) == 0 {
		return nil, fault("must list at least one item")
	}
	return words, nil
}

func parseSecret(value string) (bridge.Secret, error) { return bridge.NewSecret(value), nil }

// parseLimit reads requests and a window, "300/10s", or "off".
func parseLimit(value string) (bridge.Limit, error) {
	const message = fault("must be requests in a window, such as 300/10s, or off")
	value = strings.TrimSpace(value)
	if value == "off" {
		return bridge.Limit{}, nil
	}
	count, span, _ := strings.Cut(value, "/")
	requests, err := parseInt(count)
	if err != nil || requests < 1 {
		return bridge.Limit{}, message
	}
	window, err := parseDuration(span)
	if err != nil {
		return bridge.Limit{}, message
	}
	if window < time.Millisecond || window > 24*time.Hour {
		return bridge.Limit{}, fault("must have a window between 1ms and 24h")
	}
	return bridge.Limit{Requests: requests, Window: window}, nil
}

func parseStart(value string) (bridge.Start, error) {
	switch value = strings.TrimSpace(value); value {
	case "all":
		return bridge.Start{}, nil
	case "new":
		return bridge.Start{New: true}, nil
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil || at.IsZero() {
		return bridge.Start{}, fault("must be all, new, or a time such as 2026-01-31T09:00:00Z")
	}
	return bridge.Start{At: at}, nil
}

func parseSeverity(value string) (bridge.Severity, error) {
	s, ok := bridge.ParseSeverity(strings.ToUpper(strings.TrimSpace(value)))
	if !ok {
		return 0, fault("must be LOW, MEDIUM, HIGH or CRITICAL")
	}
	return s, nil
}
