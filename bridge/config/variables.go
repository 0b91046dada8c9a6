package config

// Variable describes one environment variable.
type Variable struct {
	// Name is as it is set; <NAME> stands for a route's, in capitals.
	Name string
	// Default is what it is when unset, another variable's name where that one
	// decides, or empty.
	Default string
	// Meaning says in a line what it is for.
	Meaning string
	// Secret says that the value must not be seen.
	Secret bool
}

// Variables lists every variable that Load reads, in the order in which they
// are documented.
func Variables() []Variable {
	var list []Variable
	for _, g := range groups(&Config{}, &routeDefaults{}) {
		list = append(list, describe(g, "")...)
	}
	list = append(list, describe(&routeSettings{}, routePrefix+"<NAME>_")...)
	return append(list, describe(&errorsSettings{}, routePrefix+errorsRoute+"_")...)
}

func describe(group any, prefix string) []Variable {
	var list []Variable
	for _, s := range settings(group) {
		tag := s.field.Tag
		list = append(list, Variable{
			Name:    prefix + s.key,
			Default: either(tag.Get("envDefault"), tag.Get("default")),
			Meaning: tag.Get("meaning"),
			Secret:  tag.Get("secret") == "true",
		})
	}
	return list
}

// builtInVariables names the variables of the built-in routes, in their order.
func builtInVariables() []string {
	var names []string
	for _, d := range builtInDrafts() {
		for _, key := range routeKeys(d.stem) {
			names = append(names, d.variable(key))
		}
	}
	return names
}
