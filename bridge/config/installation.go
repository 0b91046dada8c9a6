package config

import (
	"slices"
	"strings"

	"github.com/makebridge/makebridge/bridge"
)

// Installation is how to reach NATS and what the bridges of its account keep
// there: all that a command needs which looks at them from elsewhere.
type Installation struct {
	NATS   NATS
	Stream Stream
	// Ordering is that of each route, on or off, by the route's name.
	Ordering map[string]bridge.Ordering
}

// LoadInstallation reads entries as Load does, for a command that goes by NATS_…
// and by the variables that it names as Variables does, and by no other. Other
// variables may have problems, and what they set is not to be relied on; of the
// files that they name none is read. Its error is an *Error.
func LoadInstallation(environ []string, uses ...string) (*Installation, error) {
	env := newEnvironment(environ)
	var (
		in    Installation
		found problems
	)
	fill(&in.NATS, "", env, &found)
	fill(&in.Stream, "", env, &found)
	in.Stream.check(&found)
	in.NATS.resolve(env, &found)
	in.Ordering = orderings(env, &found)
	found.list = slices.DeleteFunc(found.list, func(p Problem) bool {
		return !strings.HasPrefix(p.Variable, "NATS_") && !slices.Contains(uses, documented(p.Variable))
	})
	if err := found.err(); err != nil {
		return nil, err
	}
	return &in, nil
}

// orderings reads how each route is ordered.
func orderings(e environment, found *problems) map[string]bridge.Ordering {
	var defaults routeDefaults
	fill(&defaults, "", e, found)
	ordering := map[string]bridge.Ordering{}
	for _, d := range append(builtInDrafts(), customDrafts(e, &problems{})...) {
		s := routeSettings{Ordering: defaults.Ordering}
		fill(&s, d.variable(""), e, found)
		ordering[d.Name] = s.Ordering
	}
	return ordering
}

// documented is the name that Variables has for a variable.
func documented(variable string) string {
	if stem, ok := routeOf(variable); ok {
		return routePrefix + "<NAME>" + strings.TrimPrefix(variable, routePrefix+stem)
	}
	return variable
}
