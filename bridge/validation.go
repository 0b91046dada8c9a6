package bridge

// Validation says how strictly events are checked before they are delivered.
type Validation uint8

// The modes. The zero Validation is invalid.
const (
	// ValidationEnforce dead-letters what fails any check.
	ValidationEnforce Validation = iota + 1
	// ValidationWarn dead-letters what is not an envelope and reports the rest.
	ValidationWarn
	// ValidationOff dead-letters what is not an envelope.
	ValidationOff
)

func validations() []string { return []string{"", "enforce", "warn", "off"} }

// String returns the mode as BRIDGE_VALIDATION spells it.
func (v Validation) String() string { return validations()[v] }

// MarshalText returns the same as String.
func (v Validation) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads enforce, warn or off, in capitals too. Its error is a
// *ChoiceError.
func (v *Validation) UnmarshalText(text []byte) error {
	i, err := Choose(text, validations()[1:])
	if err != nil {
		return err
	}
	*v = Validation(i + 1) //nolint:gosec // there are three
	return nil
}
