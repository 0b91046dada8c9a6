package schemas

// Purpose is what a payment is for.
type Purpose string

// The purposes.
const (
	PurposeCourse      Purpose = "course"
	PurposeCohort      Purpose = "cohort"
	PurposeAppointment Purpose = "appointment"
)

// PaymentSuccess says that a payment was captured.
type PaymentSuccess struct {
	PaymentID string `json:"payment_id"`
	Amount    Amount `json:"amount"`
	// Currency is an ISO 4217 code, such as EUR.
	Currency string  `json:"currency"`
	Purpose  Purpose `json:"purpose"`
	Customer Person  `json:"customer"`
}

// EventType returns payment.success.
func (PaymentSuccess) EventType() string { return TypePaymentSuccess }

// PaymentFailed says that a payment was declined or broke off.
type PaymentFailed struct {
	PaymentID string `json:"payment_id"`
	Amount    Amount `json:"amount"`
	// Currency is an ISO 4217 code, such as EUR.
	Currency string  `json:"currency"`
	Purpose  Purpose `json:"purpose"`
	Customer Person  `json:"customer"`
	// FailureReason is why, as the payment provider words it.
	FailureReason string `json:"failure_reason"`
}

// EventType returns payment.failed.
func (PaymentFailed) EventType() string { return TypePaymentFailed }
