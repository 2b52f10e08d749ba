package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/pprof"
)

// profileFlags have a service write down where its time and its memory go, for bench.
type profileFlags struct {
	CPUProfile  string `name:"cpu-profile" hidden:"" help:"File for a CPU profile of the whole run." type:"path"`
	HeapProfile string `name:"heap-profile" hidden:"" help:"File for a profile of what is in memory when the service is told to stop." type:"path"`
}

// profiled runs a service until ctx ends. What is in memory is looked at before the service
// begins to close.
func (f profileFlags) profiled(ctx context.Context, run func(context.Context) error) (err error) {
	if f.CPUProfile != "" {
		file, err := os.Create(f.CPUProfile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			return errors.Join(err, file.Close())
		}
		defer func() { pprof.StopCPUProfile(); err = errors.Join(err, file.Close()) }()
	}
	if f.HeapProfile == "" {
		return run(ctx)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	written := make(chan error, 1)
	unused := context.AfterFunc(ctx, func() {
		written <- writeHeap(f.HeapProfile)
		stop()
	})
	err = run(running)
	if unused() { // the service has stopped by itself
		return err
	}
	return errors.Join(err, <-written)
}

func writeHeap(path string) error {
	file, err := os.Create(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return err
	}
	runtime.GC() // the profile is of the last collection
	return errors.Join(pprof.Lookup("heap").WriteTo(file, 0), file.Close())
}
