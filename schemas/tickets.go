package schemas

// Priority is how urgent a ticket is.
type Priority string

// The priorities.
const (
	PriorityLow    Priority = "low"
	PriorityNormal Priority = "normal"
	PriorityHigh   Priority = "high"
	PriorityUrgent Priority = "urgent"
)

// TicketCreated says that a support ticket was opened.
type TicketCreated struct {
	TicketID  string   `json:"ticket_id"`
	Subject   string   `json:"subject"`
	Priority  Priority `json:"priority"`
	Requester Person   `json:"requester"`
}

// EventType returns ticket.created.
func (TicketCreated) EventType() string { return TypeTicketCreated }

// TicketStatusChanged says that a ticket went from one status to another. What
// statuses there are is the ticket system's own affair.
type TicketStatusChanged struct {
	TicketID       string `json:"ticket_id"`
	PreviousStatus string `json:"previous_status"`
	Status         string `json:"status"`
}

// EventType returns ticket.status_changed.
func (TicketStatusChanged) EventType() string { return TypeTicketStatusChanged }

// TicketReplyAdded says that somebody answered in a ticket.
type TicketReplyAdded struct {
	TicketID string `json:"ticket_id"`
	ReplyID  string `json:"reply_id"`
	Author   Person `json:"author"`
	Body     string `json:"body"`
}

// EventType returns ticket.reply_added.
func (TicketReplyAdded) EventType() string { return TypeTicketReplyAdded }
