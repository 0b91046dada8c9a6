package schemas

// CohortEnrollmentCreated says that a student joined a cohort.
type CohortEnrollmentCreated struct {
	EnrollmentID string `json:"enrollment_id"`
	CohortID     string `json:"cohort_id"`
	Student      Person `json:"student"`
}

// EventType returns cohort.enrollment.created.
func (CohortEnrollmentCreated) EventType() string { return TypeCohortEnrollmentCreated }

// CohortMessageCreated says that somebody wrote to a cohort.
type CohortMessageCreated struct {
	MessageID string `json:"message_id"`
	CohortID  string `json:"cohort_id"`
	Author    Person `json:"author"`
	Body      string `json:"body"`
}

// EventType returns cohort.message.created.
func (CohortMessageCreated) EventType() string { return TypeCohortMessageCreated }
