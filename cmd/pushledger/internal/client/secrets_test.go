package client

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAddressIsShownWithoutItsUser(t *testing.T) {
	for address, want := range map[string]string{
		"nats://s3cret@127.0.0.1:4222":      "nats://***@127.0.0.1:4222",
		"nats://ann:s3cret@127.0.0.1:4222":  "nats://***@127.0.0.1:4222",
		"nats://ann:s3@cret@127.0.0.1:4222": "nats://***@127.0.0.1:4222",
		"http://s3cret@127.0.0.1/a@b":       "http://***@127.0.0.1/a@b",
		"http://127.0.0.1/a@b":              "http://127.0.0.1/a@b",
		"s3cret@127.0.0.1:4222":             "***@127.0.0.1:4222",
		"127.0.0.1:4222":                    "127.0.0.1:4222",
		"":                                  "",
	} {
		require.Equal(t, want, withoutUser(address))
	}
}

func TestAnErrorIsToldWithoutTheUserOfItsAddress(t *testing.T) {
	const address = "nats://ann:s3cret@127.0.0.1:99999"
	err := hiding(address, errors.Join(errors.New(`parse "`+address+`": bad port for s3cret`), io.EOF))
	require.NotContains(t, err.Error(), "s3cret")
	require.Contains(t, err.Error(), "bad port")
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, "EOF", hiding("nats://127.0.0.1:1", io.EOF).Error())
}
