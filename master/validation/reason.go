package validation

import "fmt"

// reason is an error in the reference's words: whole sentences that begin with capitals.
func reason(format string, args ...any) error { return fmt.Errorf(format, args...) }

func expecting(field string) error { return reason("Expecting '%s' to be present", field) }
