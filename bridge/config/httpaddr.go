package config

// HTTPAddr returns where a bridge in this environment serves health: host:port,
// empty where it serves none. It looks at BRIDGE_HTTP_ADDR and at nothing else,
// so what asks a running bridge for its health does not depend on files that
// are being changed. Its error is an *Error.
func HTTPAddr(environ []string) (string, error) {
	var (
		g     General
		found problems
	)
	fill(&g, "", newEnvironment(environ), &found)
	found.list = nil // the other variables are none of its business
	g.check(&found)
	return g.HTTPAddr, found.err()
}
