// Package prometheus tests the alerts and the dashboards of deploy against the
// metrics that the bridge exposes, so that a metric which is renamed is missed
// here and not in the night. It has no code of its own.
package prometheus
