package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Run serves until ctx ends, or until a part of the service stops by itself, which is an
// error. answers is called whenever the service has started: once, and again after the
// disk has failed and taken data again. Then the service is at the same addresses as before.
func Run(ctx context.Context, config Config, answers func(Ready)) error {
	service, err := Start(ctx, config)
	for err == nil {
		answers(service.Ready)
		if err = service.serve(ctx); !errors.Is(err, errStartAnew) {
			return err
		}
		_, config.NATSListen, _ = strings.Cut(service.Ready.NATSURL, "://")
		_, config.HTTPListen, _ = strings.Cut(service.Ready.HTTPURL, "://")
		service, err = startAnew(ctx, config)
	}
	return err
}

// serve is the life of a service once it has started. It returns nil if it was told to
// stop and has stopped well.
func (s *Service) serve(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return s.Close()
	case err := <-s.Ended():
		closing := s.Close()
		if errors.Is(err, errStartAnew) { // what else went wrong is a consequence of it
			s.config.Logger.Warn("the service starts anew: the disk takes data again", "closing", closing)
			return err
		}
		if err == nil {
			err = closing
		}
		return fmt.Errorf("a part of the service stopped: %w", err)
	}
}

// startAnew is Start for a service whose disk may fail once more.
func startAnew(ctx context.Context, config Config) (*Service, error) {
	for {
		service, err := Start(ctx, config)
		if err == nil || probe(config.Data) == nil {
			return service, err
		}
		config.Logger.Error("the service does not start: it waits for the disk", "error", err)
		if !awaitRoom(ctx, config.Data) {
			return nil, err
		}
	}
}
