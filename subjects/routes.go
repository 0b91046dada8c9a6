package subjects

import "slices"

// Route is one of the routes that every bridge knows; whether it is on, and
// where it leads, is the bridge's configuration.
type Route struct {
	// Name is the route's and its consumer's name.
	Name string
	// Subjects are the subjects it takes unless it is configured otherwise.
	Subjects []string
	// Env is the stem of its environment variables, such as PAYMENTS in
	// MAKE_WEBHOOK_PAYMENTS_URL.
	Env string
	// Fallback names the route whose destination it takes when it has no URL of
	// its own; empty: then it is off.
	Fallback string
}

var routes = [...]Route{ //nolint:gochecknoglobals // a table, never changed
	{"payments", []string{"payments.>"}, "PAYMENTS", ""},
	{"appointments", []string{"appointments.>"}, "APPOINTMENTS", ""},
	{"messages", []string{"messages.>"}, "MESSAGES", ""},
	{"cohort-enrollments", []string{"cohorts.enrollment.>"}, "COHORT_ENROLLMENTS", "payments"},
	{"cohort-messages", []string{"cohorts.message.>"}, "COHORT_MESSAGES", "messages"},
	{"support-tickets", []string{"tickets.>"}, "SUPPORT_TICKETS", ""},
	{"errors", []string{"errors.>"}, "ERRORS", ""},
	{"admin", []string{"admin.>"}, "ADMIN", ""},
}

// Routes returns the routes in their order. The slice is the caller's.
func Routes() []Route {
	list := slices.Clone(routes[:])
	for i := range list {
		list[i].Subjects = slices.Clone(list[i].Subjects)
	}
	return list
}
