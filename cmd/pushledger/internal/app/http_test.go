package app

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// A length beside chunks is how one request is smuggled behind another.
func TestAConnectionEndsAfterARequestWithTwoLengths(t *testing.T) {
	server := httptest.NewServer(oneLength(http.HandlerFunc(postOnly)))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // the server has closed it
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+
		"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	require.True(t, response.Close)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	_, err = reader.ReadByte()
	require.Error(t, err, "nothing answers what was behind it")
}

func TestAnotherMethodOfTheReceiverOfNotificationsIsToldWhichThereIs(t *testing.T) {
	answer := httptest.NewRecorder()
	mux := http.NewServeMux()
	mux.HandleFunc("/alipay/notify", postOnly)
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/alipay/notify", http.NoBody))
	require.Equal(t, http.StatusMethodNotAllowed, answer.Code)
	require.Equal(t, http.MethodPost, answer.Header().Get("Allow"))
}
