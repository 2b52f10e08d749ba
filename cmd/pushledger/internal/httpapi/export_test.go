package httpapi

import "time"

// Beat changes how often streams look whether their readers are still there.
func Beat(every time.Duration) (back func()) {
	before := heartbeat
	heartbeat = every
	return func() { heartbeat = before }
}
