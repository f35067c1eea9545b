package resources

import "fmt"

// invalid is why a resource, role or operation is refused, in the words of the reference, which reach
// frameworks inside status messages: so it starts with a capital letter where the reference's does.
type invalid string

func (e invalid) Error() string { return string(e) }

func reason(format string, args ...any) error {
	return invalid(fmt.Sprintf(format, args...))
}
