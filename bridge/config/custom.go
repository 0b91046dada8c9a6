package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/makebridge/makebridge/bridge"
)

// maxRouteName keeps consumer names, and the subjects that hold them, short.
const maxRouteName = 64

var routeStem = regexp.MustCompile(`^[A-Z0-9]+(_[A-Z0-9]+)*$`)

// customDrafts finds the routes that variables define, sorted by name. A route
// is defined by its URL; variables that lack theirs are problems.
func customDrafts(e environment, found *problems) []*draft {
	variables := map[string][]string{} // by stem
	for _, name := range e.names() {
		stem, ok := routeOf(name)
		switch {
		case !ok || !e.isSet(name) || isBuiltIn(stem):
		case !routeStem.MatchString(stem) || len(stem) > maxRouteName:
			found.add(name, "must name its route in at most 64 capitals and digits, with single underscores between them")
		default:
			variables[stem] = append(variables[stem], name)
		}
	}
	var drafts []*draft
	for stem, names := range variables {
		d := &draft{stem: stem, Route: bridge.Route{Name: routeName(stem)}}
		if !d.hasURL(e) {
			for _, name := range names {
				found.add(name, "is set but "+d.variable("URL")+" is not"+suggestion(name))
			}
			continue
		}
		if !e.isSet(d.variable("SUBJECTS")) {
			found.add(d.variable("SUBJECTS"), "is not set: "+strings.Join(names, ", ")+
				" defines a route of your own, which needs its subjects"+suggestion(names[0]))
		}
		drafts = append(drafts, d)
	}
	slices.SortFunc(drafts, func(a, b *draft) int { return strings.Compare(a.Name, b.Name) })
	return drafts
}

func routeName(stem string) string {
	return strings.ReplaceAll(strings.ToLower(stem), "_", "-")
}

func isBuiltIn(stem string) bool {
	return slices.ContainsFunc(builtInDrafts(), func(d *draft) bool { return d.stem == stem })
}

// suggestion asks for the known variable that is nearest to a name, if one is
// near.
func suggestion(name string) string {
	if near := nearest(name, builtInVariables()); near != "" {
		return " (did you mean " + near + "?)"
	}
	return ""
}
