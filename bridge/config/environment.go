package config

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// environment is what variables are set to. A variable that is set but empty
// is in it, but counts as unset.
type environment map[string]string

func newEnvironment(environ []string) environment {
	e := environment{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			e[name] = value
		}
	}
	return e
}

func (e environment) get(name string) string { return e[name] }

func (e environment) isSet(name string) bool { return e[name] != "" }

// isEmpty reports that a variable is there without a value.
func (e environment) isEmpty(name string) bool {
	value, ok := e[name]
	return ok && value == ""
}

func (e environment) names() []string { return slices.Sorted(maps.Keys(e)) }

// home expands a leading ~ as a shell does.
func (e environment) home(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && e.isSet("HOME") {
		return filepath.Join(e.get("HOME"), rest)
	}
	return path
}
