package app_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/access"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

// What holds of every path of a running service, through all that is in front of it.
func TestTheDoorOfARunningService(t *testing.T) {
	h := open(t)
	h.offer(t, "p-1", 0)
	operator := h.token(t, "operator", identity.Operator)
	type answer struct {
		StatusCode int
		Header     http.Header
	}
	do := func(method, path string) answer {
		request, err := http.NewRequestWithContext(t.Context(), method, h.Ready.HTTPURL+path, http.NoBody)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+operator)
		var response *http.Response
		var text []byte
		require.Eventually(t, func() bool { // only one copy of a read model is made at a time
			response, err = h.http.Do(request) //nolint:bodyclose // it is closed below
			if err != nil {
				return true
			}
			text, err = io.ReadAll(response.Body)
			err = errors.Join(err, response.Body.Close())
			return err != nil || response.StatusCode != http.StatusTooManyRequests
		}, patience, 5*time.Millisecond)
		require.NoError(t, err, "%s %s", method, path)
		require.True(t, method != http.MethodHead || len(text) == 0, "%s %s", method, path)
		return answer{response.StatusCode, response.Header}
	}
	for _, row := range access.Table {
		if row.Way != access.HTTP {
			continue
		}
		method, _, _ := strings.Cut(row.What, " ")
		path := samples[row.What].path
		switch {
		case method == http.MethodGet:
			t.Run("HEAD of "+path, func(t *testing.T) {
				asked, head := do(http.MethodGet, path), do(http.MethodHead, path)
				require.Equal(t, asked.StatusCode, head.StatusCode)
				require.Equal(t, asked.Header.Get("Content-Type"), head.Header.Get("Content-Type"))
			})
		case row.Sandbox: // Alipay's gateway takes GET as well
		default:
			for _, other := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch} {
				t.Run(other+" of "+path, func(t *testing.T) {
					answer := do(other, path)
					require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
					require.Equal(t, http.MethodPost, answer.Header.Get("Allow"))
				})
			}
		}
	}
	t.Run("HEAD of a stream that goes on ends", func(t *testing.T) {
		require.Equal(t, http.StatusOK, do(http.MethodHead, "/v1/events?follow=true").StatusCode)
	})
	t.Run("a request with two lengths is the last of its connection", func(t *testing.T) { requireLast(t, strings.TrimPrefix(h.Ready.HTTPURL, "http://")) })
}

// requireLast sends a request with both a length and chunks, and another one behind it.
func requireLast(t *testing.T, address string) {
	t.Helper()
	for _, path := range []string{"/alipay/notify", "/healthz", "/v1/pushes", "/nowhere"} {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		_, err = io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+
			"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		reader := bufio.NewReader(conn)
		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		require.True(t, response.Close, path)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		_, err = reader.ReadByte()
		require.Error(t, err, "%s: nothing answers what was behind it", path)
		require.NoError(t, conn.Close())
	}
}

// heardLog is a log that is read while it is written.
type heardLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *heardLog) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

func (l *heardLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A sandbox's partners answer at once, by the very questions that real ones are asked.
func TestAServiceHearsItsPartnersAndSaysSo(t *testing.T) {
	var log heardLog
	h := open(t, func(config *app.Config) {
		config.Logger = slog.New(slog.NewTextHandler(&log, nil))
		config.NATSListen, config.HTTPListen = "0.0.0.0:0", "0.0.0.0:0"
	})
	require.Eventually(t, func() bool {
		status, body := h.request(t, http.MethodGet, "/readyz", "")
		return status == http.StatusOK && !strings.Contains(body, "has not answered yet")
	}, patience, 10*time.Millisecond)
	for _, name := range []string{"registrar", `"account directory"`, "Alipay"} {
		require.Contains(t, log.String(), `msg="a partner has answered for the first time" partner=`+name)
	}
	for _, door := range []string{"NATS", "HTTP"} {
		require.Contains(t, log.String(), "without TLS")
		require.Contains(t, log.String(), "door="+door)
	}
}
