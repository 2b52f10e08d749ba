package main

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the tests run this very program as a process of its own: the scripts by
// its name, the others by executing the test binary under that name.
func TestMain(m *testing.M) {
	// They wait far more than they compute.
	if err := flag.Set("test.parallel", "32"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){
		"pushledger": func() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sandbox": startSandboxForScript, "exits": exits, "tokens": tokens,
			"control": controlForScript,
			"ends":    endsForScript,
		},
	})
}
