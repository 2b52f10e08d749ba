package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
)

// exits is the script command `exits CODE COMMAND …`: it demands that the command ends
// with that code.
func exits(script *testscript.TestScript, negate bool, args []string) {
	if negate || len(args) < 2 {
		script.Fatalf("usage: exits CODE COMMAND …")
	}
	err := script.Exec(args[1], args[2:]...)
	code := 0
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		code = ended.ExitCode()
	} else {
		script.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		script.Fatalf("it ended with %d, not %s", code, args[0])
	}
}

// tokens is the script command `tokens READYFILE`: it writes ACCOUNT.token for each
// account and sets $NATS and $HTTP.
func tokens(script *testscript.TestScript, negate bool, args []string) {
	if negate || len(args) != 1 {
		script.Fatalf("usage: tokens READYFILE")
	}
	ready, err := client.ReadReady(args[0])
	script.Check(err)
	for account, token := range ready.Tokens {
		script.Check(os.WriteFile(script.MkAbs(account+".token"), []byte(token+"\n"), 0o600))
	}
	script.Setenv("NATS", ready.NATSURL)
	script.Setenv("HTTP", ready.HTTPURL)
}
