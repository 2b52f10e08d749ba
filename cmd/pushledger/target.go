package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
)

// targetFlags say where the service is and who asks.
type targetFlags struct {
	NATSURL   string `name:"nats-url" help:"Where commands go; nats://127.0.0.1:4222 if no address is given."`
	HTTPURL   string `name:"http-url" help:"Where queries go; http://127.0.0.1:8080 if no address is given."`
	Token     string `help:"Who you are. Better given as PUSHLEDGER_TOKEN: others can see the arguments of a process."`
	TokenFile string `help:"File with the token." type:"existingfile"`
	ReadyFile string `help:"A sandbox's ready file, to take all three from." type:"existingfile"`
	As        string `help:"The account to act as, with --ready-file."`
	TLSCA     string `name:"tls-ca" help:"PEM file of certificates to trust instead of the machine's own." type:"existingfile"`
	TLSCert   string `name:"tls-cert" help:"PEM file of a client certificate, for a service that demands one." type:"existingfile"`
	TLSKey    string `name:"tls-key" help:"PEM file of its key." type:"existingfile"`
}

func (f targetFlags) client() (*client.Client, error) {
	target, err := f.target()
	if err == nil && f.TLSCA != "" {
		err = target.Trust(f.TLSCA)
	}
	if err == nil && (f.TLSCert == "") != (f.TLSKey == "") {
		err = errors.New("--tls-cert and --tls-key belong together")
	}
	if err == nil && f.TLSCert != "" {
		err = target.Show(f.TLSCert, f.TLSKey)
	}
	if errors.Is(err, errUsage) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	return client.New(target)
}

// Where a service is that was started with no flags.
const (
	usualNATS = "nats://127.0.0.1:4222"
	usualHTTP = "http://127.0.0.1:8080"
)

// target takes from the ready file what is not given otherwise. Of a service of which one
// address is given, the other is not guessed: the calls that need it say so.
func (f targetFlags) target() (client.Target, error) {
	given := f.Token != "" || f.TokenFile != ""
	if f.As != "" && given {
		return client.Target{}, errors.New("give --as with --ready-file, or one of --token and --token-file, not both")
	}
	target := client.Target{NATSURL: f.NATSURL, HTTPURL: f.HTTPURL}
	if f.ReadyFile == "" && f.As != "" {
		return target, errors.New("--as needs the --ready-file that has the account's token")
	}
	if f.ReadyFile == "" && f.NATSURL == "" && f.HTTPURL == "" {
		target.NATSURL, target.HTTPURL = usualNATS, usualHTTP
	}
	if f.ReadyFile != "" {
		ready, err := client.ReadReady(f.ReadyFile)
		if err != nil {
			return target, err
		}
		if target, err = ready.Target(f.NATSURL, f.HTTPURL); err != nil {
			return target, err
		}
		if !given {
			target.Token, err = ready.Token(f.As)
			return target, err
		}
	}
	var err error
	target.Token, err = f.token()
	return target, err
}

// token is who asks, given in one way only.
func (f targetFlags) token() (string, error) {
	switch {
	case f.Token != "" && f.TokenFile != "":
		return "", errors.New("give --token or --token-file, not both")
	case f.Token != "":
		return f.Token, nil
	case f.TokenFile == "":
		return "", errors.New("give --token-file or PUSHLEDGER_TOKEN, or --ready-file with --as")
	}
	text, err := readSecret(f.TokenFile)
	return strings.TrimSpace(text), err
}

// outputFlags say how results are printed.
type outputFlags struct {
	Output string `short:"o" help:"How to print: table or json." enum:"table,json" default:"table"`
}

// print writes an answer as JSON, or lets draw make a table of it.
func (f outputFlags) print(out io.Writer, answer any, draw func(table.Writer)) error {
	if f.Output == "json" {
		text, err := json.Marshal(answer, json.Deterministic(true), jsontext.WithIndent("  "))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, plain(string(text)))
		return err
	}
	return drawTable(out, draw)
}

func when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
