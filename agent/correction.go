package agent

import (
	"time"

	"github.com/mesokit/mesokit/internal/backoff"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/loop"
)

// correctionQuiet is how long after a correction the next one is as urgent as the first.
const correctionQuiet = 2 * maxRegistrationBackoff

// correction tells the master what is here when it takes something to be here that is not: only a registration
// does. Frameworks may ask all the time for what fails; so the first correction comes at once, those that follow
// back off as registrations do, with the agent at work until then. It then answers for each task and operation
// that counts on what is not here.
type correction struct {
	backoff backoff.Backoff
	timer   loop.Timer
	due     bool // the timer runs
	last    time.Time
}

// tellWhatIsHere corrects the master, unless that is about to happen. (In the reference an agent ends itself when
// an operation fails, and registers again.)
func (c *core) tellWhatIsHere() {
	x := &c.correction
	if c.conn == nil || c.state == terminating || x.due || c.guards.Off(guard.OperationFailure) {
		return
	}
	if ago := c.loop.Now().Sub(x.last); x.last.IsZero() || ago >= correctionQuiet {
		x.backoff.Reset()
		c.correct()
		return
	}
	x.due = true
	x.timer.Set(x.backoff.Next(c.loop.Rand()))
}

// correct registers again, also if a registration is on its way, which said otherwise.
func (c *core) correct() {
	c.correction.due = false
	if c.conn == nil { // a registration is about to be made anyway
		return
	}
	c.correction.last = c.loop.Now()
	c.disconnect()
	c.registerAnew()
}

// stop is called when the agent registers again for another reason, and thereby says all, or comes to its end.
func (x *correction) stop() {
	x.due = false
	x.timer.Stop()
}
