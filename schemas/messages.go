package schemas

// MessageSent says that one person sent another a message.
type MessageSent struct {
	MessageID string `json:"message_id"`
	Sender    Person `json:"sender"`
	Recipient Person `json:"recipient"`
	Body      string `json:"body"`
}

// EventType returns message.sent.
func (MessageSent) EventType() string { return TypeMessageSent }
