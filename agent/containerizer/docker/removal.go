package docker

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"
)

// removal is an ended container that the engine still keeps.
type removal struct {
	id string
	at time.Time
}

// removeRetry is how long a removal that failed waits for the next try.
const removeRetry = time.Minute

// removeLater has the engine remove a container when Config.RemoveDelay has passed since its end, or
// when there are more than Config.MaxEnded of them.
func (c *Containerizer) removeLater(id string, ended time.Time) {
	at := ended.Add(max(c.cfg.RemoveDelay, 0))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.queueLocked(removal{id, at})
	for n := 0; c.cfg.MaxEnded > 0 && n < len(c.removals)-c.cfg.MaxEnded; n++ {
		c.removals[n].at = time.Time{}
	}
	if !c.sweeping {
		c.sweeping = true
		c.wg.Go(c.sweep)
	}
	select {
	case c.swept <- struct{}{}:
	default:
	}
}

func (c *Containerizer) queueLocked(r removal) {
	i, _ := slices.BinarySearchFunc(c.removals, r, func(a, b removal) int { return a.at.Compare(b.at) })
	c.removals = slices.Insert(c.removals, i, r)
}

// removeDue removes what is due when sweep has ended.
func (c *Containerizer) removeDue() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	for _, r := range c.removals { // nobody else is left
		if time.Until(r.at) > 0 {
			return
		}
		if err := c.remove(ctx, r.id); err != nil {
			c.log.Warn("ended container was not removed", zap.String("docker_id", r.id), zap.Error(err))
		}
	}
}

// closeTimeout bounds what Close still does.
const closeTimeout = 5 * time.Second

// sweep removes containers one at a time, when they are due.
func (c *Containerizer) sweep() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		c.mu.Lock()
		var due removal
		var wait time.Duration = -1
		if len(c.removals) > 0 {
			if wait = time.Until(c.removals[0].at); wait <= 0 {
				due = c.removals[0]
				c.removals = slices.Delete(c.removals, 0, 1)
			}
		}
		c.mu.Unlock()
		if due.id != "" {
			ctx, cancel := context.WithTimeout(c.ctx, removeRetry)
			err := c.remove(ctx, due.id)
			cancel()
			switch {
			case err == nil:
			case c.ctx.Err() != nil: // for removeDue
				c.mu.Lock()
				c.queueLocked(due)
				c.mu.Unlock()
				return
			default:
				c.log.Warn("ended container can't be removed; trying again", zap.String("docker_id", due.id), zap.Duration("in", removeRetry), zap.Error(err))
				c.mu.Lock()
				c.queueLocked(removal{due.id, time.Now().Add(removeRetry)})
				c.mu.Unlock()
			}
			if c.ctx.Err() != nil {
				return
			}
			continue
		}
		if wait < 0 {
			wait = time.Hour // until something is queued
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-c.swept:
		case <-c.ctx.Done():
			return
		}
	}
}
