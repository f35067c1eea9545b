package checkpoint

import "fmt"

// Check refuses entries that no store takes. Stores call it.
func Check(changes []Entry) error {
	for _, c := range changes {
		if c.Key == "" {
			return fmt.Errorf("a checkpoint entry has no key")
		}
		if len(c.Key) > MaxKey {
			return fmt.Errorf("the checkpoint key %.64q… has %d bytes; at most %d are kept", c.Key, len(c.Key), MaxKey)
		}
		if len(c.Value) > MaxValue {
			return fmt.Errorf("the checkpoint entry %q has %d bytes; at most %d are kept", c.Key, len(c.Value), MaxValue)
		}
	}
	return nil
}
