package bench

import (
	"context"
	"time"
)

// fresh is the side of a peer that is started for each turn and ends with it.
func (r *run) fresh(name string, given setup, wanted order) side {
	var started *peerProcess
	return side{
		name: name,
		before: func(ctx context.Context) (err error) {
			started, err = r.startPeer(ctx, name, given)
			return err
		},
		load: func(ctx context.Context, span time.Duration) (sample, error) {
			wanted.Seconds = span.Seconds()
			return started.do(ctx, wanted)
		},
		processes: func() []*process { return []*process{started.process} },
		after:     func(context.Context) error { return started.close() },
	}
}
