package main

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/alecthomas/kong"
)

// instead are options that answer the same question: for each, those whose environment
// variable is not looked at once it is given on the command line. An option that only
// one other command has is left alone by it.
var instead = map[string][]string{
	"token":      {"token-file", "as", "data", "file"},
	"token-file": {"token", "as", "data", "file"},
	"as":         {"token", "token-file", "data", "file"},
	"ready-file": {"nats-url", "http-url", "token", "token-file", "data", "file"},
	"nats-url":   {"data", "file"},
	"http-url":   {"data", "file"},
	"data":       {"ready-file", "nats-url", "http-url", "file"},
	"file":       {"ready-file", "nats-url", "http-url", "data"},

	"token-keys":     {"token-keys-url", "sandbox"},
	"token-keys-url": {"token-keys", "sandbox"},
	"token-issuer":   {"sandbox"},
	"sandbox":        {"token-issuer", "token-keys", "token-keys-url"},

	"alipay-public-key": {"alipay-app-cert", "alipay-cert", "alipay-root-cert"},
	"alipay-app-cert":   {"alipay-public-key"},
	"alipay-cert":       {"alipay-public-key"},
	"alipay-root-cert":  {"alipay-public-key"},
}

// only are exceptions of single commands: a file of offers is sent to a service that is
// named like that of any other command, and offers on the command line stand instead of
// the file.
var only = map[string]map[string][]string{
	"offer": {
		"token": {"token-file", "as"}, "token-file": {"token", "as"}, "as": {"token", "token-file"},
		"ready-file": {"nats-url", "http-url", "token", "token-file"}, "nats-url": nil, "http-url": nil,
		"file": nil, "items": {"file"},
	},
}

// preferArguments keeps the environment from what the command line says otherwise, and
// from options that it sets to nothing. The arguments are read by a parser of its own, for
// one that has read a file's name once does not read it again.
func preferArguments(parser *kong.Kong, args []string) {
	reader, err := kong.New(&commandLine{})
	if err != nil {
		return // the parser itself could not be made either
	}
	traced, err := kong.Trace(reader, args)
	if err != nil {
		return // Parse says the same
	}
	var given []string
	for _, step := range traced.Path {
		switch {
		case step.Flag != nil:
			given = append(given, step.Flag.Name)
		case step.Positional != nil:
			given = append(given, step.Positional.Name)
		}
	}
	if slices.Contains(given, "help") { // which names every variable
		return
	}
	command := ""
	if node := traced.Selected(); node != nil {
		command = node.Name
	}
	var answered []string
	for _, name := range given {
		others, is := only[command][name]
		if !is {
			others = instead[name]
		}
		answered = append(answered, others...)
	}
	if unneeded(given) {
		answered = append(answered, "ready-file")
	}
	ignore := func(flag *kong.Flag) bool {
		return slices.Contains(answered, flag.Name) ||
			!slices.ContainsFunc(flag.Tag.Envs, func(name string) bool { return os.Getenv(name) != "" })
	}
	_ = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error { // it fails only if this does
		if flag, is := node.(*kong.Flag); is && ignore(flag) {
			flag.Tag.Envs = nil
		}
		return next(nil)
	})
}

// unneeded tells whether a ready file that the environment names, and that is not there, is
// left alone: the command line says where the service is and who asks. One that is there
// still says which certificates to trust.
func unneeded(given []string) bool {
	says := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(given, name) })
	}
	if !says("nats-url", "http-url") || !says("token", "token-file") {
		return false
	}
	_, err := os.Stat(os.Getenv("PUSHLEDGER_READY_FILE")) //nolint:gosec // a file that its own user names
	return errors.Is(err, fs.ErrNotExist)
}
