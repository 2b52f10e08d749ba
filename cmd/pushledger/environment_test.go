package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// parsed is what a command line makes of its flags and the environment.
func parsed(t *testing.T, args ...string) *commandLine {
	t.Helper()
	var line commandLine
	parser, err := kong.New(&line, kong.DefaultEnvars("PUSHLEDGER"), kong.Exit(func(int) { t.Fatal("it exits") }))
	require.NoError(t, err)
	preferArguments(parser, args)
	_, err = parser.Parse(args)
	require.NoError(t, err)
	return &line
}

// Whatever is given on the command line wins over the environment, also over other
// options that answer the same question.
func TestTheCommandLineWinsOverTheEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	dir := t.TempDir()
	values := map[string]string{
		"nats-url": "nats://e:1", "http-url": "http://e:1", "token": "e", "token-file": file, "as": "e", "ready-file": file,
		"data": dir, "file": file, "token-keys": file, "token-keys-url": "https://e", "token-issuer": "e", "sandbox": "true",
		"alipay-public-key": file, "alipay-app-cert": file, "alipay-cert": file, "alipay-root-cert": file, "items": "a.com=1",
	}
	for command, args := range map[string][]string{
		"audit verify": {"audit", "verify"}, "show": {"show", "x"}, "serve": {"serve"}, "offer": {"offer"},
		"token": {"token", "--account", "a"}, "callout": {"callout"},
	} {
		model, err := kong.New(&commandLine{})
		require.NoError(t, err)
		node := selected(t, model, args)
		for given, others := range instead {
			if exception, is := only[command]; is {
				others = exception[given]
			}
			for _, other := range others {
				if !has(node, given) || !has(node, other) {
					continue
				}
				t.Run(command+" --"+given+" over "+other, func(t *testing.T) {
					t.Setenv("PUSHLEDGER_"+strings.ToUpper(strings.ReplaceAll(other, "-", "_")), values[other])
					argument := "--" + given + "=" + values[given]
					parser, err := kong.New(&commandLine{}, kong.DefaultEnvars("PUSHLEDGER"))
					require.NoError(t, err)
					all := append(append([]string{}, args...), argument)
					preferArguments(parser, all)
					context, err := parser.Parse(all)
					require.NoError(t, err)
					for _, flag := range context.Flags() {
						if flag.Name == other {
							require.Equal(t, "", strings.Trim(written(flag), "[]false"), other)
						}
					}
				})
			}
		}
	}
}

func written(flag *kong.Flag) string {
	value := fmt.Sprint(flag.Target.Interface())
	if flag.HasDefault && strings.HasSuffix(value, flag.Default) { // of a directory the whole path
		return ""
	}
	return value
}

func selected(t *testing.T, parser *kong.Kong, args []string) *kong.Context {
	t.Helper()
	traced, err := kong.Trace(parser, args)
	require.NoError(t, err)
	return traced
}

func has(context *kong.Context, name string) bool {
	for _, flag := range context.Flags() {
		if flag.Name == name {
			return true
		}
	}
	return false
}

func TestTheEnvironmentOfOneCommandIsNoConcernOfAnother(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "yet")
	t.Setenv("PUSHLEDGER_DATA", missing) // that of a service which starts for the first time; `token` wants one that is there
	t.Setenv("PUSHLEDGER_READY_FILE", missing)
	t.Setenv("PUSHLEDGER_HTTP_URL", "")
	require.Equal(t, missing, parsed(t, "serve").Serve.Data)
	show := parsed(t, "show", "x", "--ready-file", os.Args[0], "--token", "t").Show
	require.Equal(t, os.Args[0], show.ReadyFile)
	require.Empty(t, show.HTTPURL)
}

func TestTheEnvironmentIsReadWhereNothingIsSaid(t *testing.T) {
	t.Setenv("PUSHLEDGER_TOKEN", "t")
	t.Setenv("PUSHLEDGER_NATS_URL", "nats://e:1")
	show := parsed(t, "show", "x", "--http-url", "http://h:1").Show
	require.Equal(t, "t", show.Token)
	require.Equal(t, "nats://e:1", show.NATSURL)
	t.Setenv("PUSHLEDGER_FILE", os.Args[0])
	require.Equal(t, os.Args[0], parsed(t, "offer", "--nats-url", "nats://e:1").Offer.File)
	require.Empty(t, parsed(t, "offer", "a.com=1").Offer.File)
}
