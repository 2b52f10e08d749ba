package eventstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// MaxAttempts bounds how often Execute decides again.
const MaxAttempts = 16

// attemptPause is the unit of the random pause after a lost race. The longest pause is
// one unit for each race lost so far, so that many losers do not meet again.
const attemptPause = 2 * time.Millisecond

// Execute runs one decision: attempt loads what it needs, decides, and appends. When
// the append loses a race, ErrConflict, the whole of it runs again on what the winner
// left behind; every other outcome of attempt is returned as it is. After MaxAttempts
// lost races, or when ctx ends between two of them, the error is ErrUnavailable and
// nothing has been written. An attempt that is itself told ErrUnavailable is not
// repeated here, because its append may have been written.
func Execute[T any](ctx context.Context, attempt func(context.Context) (T, error)) (T, error) {
	var none T
	for lost := range MaxAttempts {
		outcome, err := attempt(ctx)
		if !errors.Is(err, ErrConflict) {
			return outcome, err
		}
		longest := attemptPause * time.Duration(lost+1)
		select {
		case <-time.After(rand.N(longest)): // #nosec G404 -- spreads load, guards nothing
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return none, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
	}
	return none, fmt.Errorf("%w: lost %d races in a row", ErrUnavailable, MaxAttempts)
}
