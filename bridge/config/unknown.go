package config

import (
	"regexp"
	"slices"
	"strings"
)

// UnknownVariable looks like one of the bridge's but is none.
type UnknownVariable struct {
	Name string
	// Nearest is the known variable that may be meant, empty if none is near.
	Nearest string
}

// kubernetesService matches the end of what Kubernetes sets in every container
// for a service: BRIDGE_SERVICE_HOST, BRIDGE_PORT_8080_TCP_ADDR and the like.
var kubernetesService = regexp.MustCompile(
	`_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$`)

// Unknown returns the variables that begin with BRIDGE_ or MAKE_WEBHOOK_ and
// mean nothing, by name: most likely misspelt. Those that Kubernetes sets for a
// service of such a name are not among them.
func Unknown(environ []string) []UnknownVariable {
	var known []string
	for _, v := range Variables() {
		known = append(known, v.Name)
	}
	known = append(known, builtInVariables()...)

	var unknown []UnknownVariable
	for _, name := range newEnvironment(environ).names() {
		if !strings.HasPrefix(name, "BRIDGE_") && !strings.HasPrefix(name, routePrefix) {
			continue
		}
		_, ofRoute := routeOf(name)
		if ofRoute || slices.Contains(known, name) || kubernetesService.MatchString(name) {
			continue
		}
		unknown = append(unknown, UnknownVariable{name, nearest(name, known)})
	}
	return unknown
}

// nearest returns the known name that the fewest edits lead to, at most three.
func nearest(name string, known []string) string {
	const most = 3
	best, fewest := "", most+1
	for _, k := range known {
		if strings.Contains(k, "<") {
			continue
		}
		if d := distance(name, k); d < fewest {
			best, fewest = k, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
