package schemas

// Person is somebody as the services know them.
type Person struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	// Name is how the person is addressed; it may be empty.
	Name string `json:"name,omitempty"`
}
