package telemetry

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// VariableError is what is wrong with one of the standard variables.
type VariableError struct {
	Variable string
	// Message says what the variable must be. It does not hold its value.
	Message string
}

func (e *VariableError) Error() string { return e.Variable + ": " + e.Message }

// CheckTracing says what is wrong with the standard variables that StartTracing goes
// by, empty where they are well or ask for no traces. The library itself goes on with
// its defaults where one is wrong, and would send to them.
func CheckTracing() (wrong []*VariableError) {
	if !tracingWanted() {
		return nil
	}
	check := func(variable string, ok func(value string) bool, must string) {
		if value := os.Getenv(variable); value != "" && !ok(value) {
			wrong = append(wrong, &VariableError{variable, must})
		}
	}
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		check(variable, isEndpoint, "must be a URL, such as http://127.0.0.1:4318")
	}
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		check(variable, oneOf(protocols()), "must be "+listed(protocols()))
	}
	check("OTEL_TRACES_SAMPLER", oneOf(samplers()), "must be "+listed(samplers()))
	if strings.HasSuffix(strings.ToLower(strings.TrimSpace(os.Getenv("OTEL_TRACES_SAMPLER"))), "traceidratio") {
		check("OTEL_TRACES_SAMPLER_ARG", isShare, "must be a number from 0 to 1")
	}
	return wrong
}

func protocols() []string { return []string{"http/protobuf", "http/json", "grpc"} }

func samplers() []string {
	return []string{
		"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
	}
}

func isEndpoint(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func isShare(s string) bool {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return err == nil && f >= 0 && f <= 1
}

// oneOf goes by what the library reads: case and spaces around do not count.
func oneOf(words []string) func(string) bool {
	return func(s string) bool { return slices.Contains(words, strings.ToLower(strings.TrimSpace(s))) }
}

func listed(words []string) string {
	last := len(words) - 1
	return fmt.Sprintf("%s or %s", strings.Join(words[:last], ", "), words[last])
}
