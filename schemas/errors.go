package schemas

// Severity is how bad an error is.
type Severity string

// The severities, lowest first.
const (
	SeverityLow      Severity = "LOW"
	SeverityMedium   Severity = "MEDIUM"
	SeverityHigh     Severity = "HIGH"
	SeverityCritical Severity = "CRITICAL"
)

// ErrorOccurred says that a service met an error.
type ErrorOccurred struct {
	ErrorID  string   `json:"error_id"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	// Service is the service that reports the error.
	Service string `json:"service"`
}

// EventType returns error.occurred.
func (ErrorOccurred) EventType() string { return TypeErrorOccurred }
