// Package admin is the bridge's own HTTP listener: whether the process lives
// and whether it is ready, its metrics, and its profiles where they are asked
// for. It has no authentication: whoever reaches it may read all that.
package admin
