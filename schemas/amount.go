package schemas

import (
	"encoding/json"
	"fmt"
	"math"
)

const maxAmount = 1<<53 - 1

// Amount is a sum in the minor unit of its currency: 14900 is 149.00 EUR and
// 14900 JPY. Valid amounts lie between 0 and 2^53-1.
type Amount int64

// UnmarshalJSON reads a JSON integer in every spelling that the schema accepts:
// 100, 100.0 and 1e2 are the same number. Null changes nothing, as everywhere
// in encoding/json.
func (a *Amount) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if json.Valid(data) && (data[0] == '-' || '0' <= data[0] && data[0] <= '9') {
		switch n := number(string(data)).(type) {
		case int64:
			*a = Amount(n)
			return nil
		case float64:
			if -maxAmount <= n && n <= maxAmount && n == math.Trunc(n) {
				*a = Amount(n)
				return nil
			}
		}
	}
	return fmt.Errorf("an amount must be an integer up to %d", maxAmount)
}
