// Package schemas says what an event is: its envelope, the JSON Schemas
// (draft 2020-12) and Go structs of the payloads, and how to tell a valid event
// from an invalid one.
//
//	         New, Wrap                    Decode             Validate
//	payload ───────────▶ Event ─▶ bytes ─────────▶ Event ─────────────▶ valid
//	                                     envelope          payload against
//	                                     only              its type's schema
//
// A service that publishes hands a payload struct to subjects.Publisher; one
// that consumes calls [DecodeAs]. What is wrong with an event is reported as an
// [InvalidError], which names places and rules and never a value.
//
// # More members than the schema has
//
// Every payload may hold members of its own. A service adds them by embedding:
//
//	type CoursePayment struct {
//		schemas.PaymentSuccess
//		CourseTitle string `json:"course_title"`
//	}
//
// # What is refused although it is JSON
//
// An event is refused where two programs could read it differently. These are
// text that is not UTF-8, data after the event, nesting deeper than 10,000, an
// object of the envelope or of a checked payload that has two members of one
// name, and amounts beyond 2^53-1. Member names count exactly as they are
// written: "Type" is not "type". Half of a surrogate pair ("\ud83d") is let
// through, since texts that were cut in the middle of an emoji hold one and
// nothing is decided by such a text.
package schemas
