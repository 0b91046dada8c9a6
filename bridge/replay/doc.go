// Package replay does by hand what the bridge does not do by itself: it looks
// through dead letters, has them or past events delivered again, and erases
// letters.
//
//	EVENTS_DLQ ─ Letters ─┐ copies, in stream order
//	                      ├─→ redeliver.<route>.<subject> in EVENTS ─→ the route
//	EVENTS ───── Events ──┘        └ stored? then the letter is deleted
//
// It reads streams and publishes copies; it settles nothing and delivers
// nothing. A letter is deleted only once the server has confirmed that its copy
// is stored, so a run that is killed loses none, and a run that is repeated
// within the duplicate window of EVENTS stores none twice: a copy's id says
// which letter, or which event in which run, it is a copy of.
//
// Streams are read through short-lived consumers that hand out headers only,
// filtered by the server. What that costs grows with the part of a stream that
// is read, not with the size of its bodies: scan.go.
package replay
