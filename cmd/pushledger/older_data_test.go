package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// unpack writes an archive of a data directory into an empty one.
func unpack(t *testing.T, archive string) string {
	t.Helper()
	file, err := os.Open(archive)
	require.NoError(t, err)
	defer file.Close() //nolint:errcheck // only read
	plain, err := gzip.NewReader(file)
	require.NoError(t, err)
	into := t.TempDir()
	for files := tar.NewReader(plain); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return into
		}
		require.NoError(t, err)
		require.True(t, filepath.IsLocal(header.Name), header.Name)
		path := filepath.Join(into, header.Name)
		if header.Typeflag == tar.TypeDir {
			require.NoError(t, os.MkdirAll(path, 0o700))
			continue
		}
		body, err := io.ReadAll(files)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, body, 0o600))
	}
}

// before-holds.tgz is the directory of a sandbox whose program knew no holds. Its pushes of two
// domains each are named for how they stood when it was stopped: completed, refunded,
// withdrawn; paid (nothing is moved yet), delivering (one is with the buyer), returning (one
// is still with the buyer), gone (refunded though the buyer had moved one on) and unpayable
// (Alipay refused the payout).
func TestADataDirectoryFromBeforeHoldsGoesOn(t *testing.T) {
	t.Parallel()
	data := unpack(t, "testdata/older/before-holds.tgz")
	service := startProcess(t, data, writeInventory(t, 16))
	for id, status := range map[string]string{
		"completed": "Completed", "refunded": "Refunded", "withdrawn": "Withdrawn", "gone": "Refunded", "unpayable": "Paid",
		"paid": "Completed", "delivering": "Completed", "returning": "Refunded",
	} {
		service.eventually(t, "anna", id, status)
	}
	for _, id := range []string{"paid", "delivering"} {
		require.Eventually(t, func() bool { return slices.Contains(service.history(t, id), "HoldsReleased") }, readyPatience, lookAgain)
	}
	require.Equal(t, []string{
		"Offered", "Accepted", "PaymentOpened", "Paid", "DeliveryStarted", "DomainMoved", // by the program of then
		"HoldStarted", "DomainsHeld", "DomainMoved", "PayoutRequested", "PaidOut", "Completed", "HoldsReleased",
	}, service.history(t, "delivering"))
	for _, id := range []string{"completed", "refunded", "gone", "returning"} {
		require.NotContains(t, service.history(t, id), "HoldsReleased", "%s held nothing", id)
	}
	reply := ask(t, service.connect(t, "operator"), "push.cmd.operator.retry", `{"push_id":"unpayable","step":"payout","reason":"the account is open again"}`)
	require.True(t, reply.OK, reply.Error)
	service.eventually(t, "anna", "unpayable", "Completed")
	requireEvenBooks(t, service)
	service.stop(t)
	requireVerified(t, data)
}

// history is the types of the events of a push.
func (d *doors) history(t *testing.T, id string) []string {
	t.Helper()
	var told struct {
		Events []outsideEvent `json:"events"`
	}
	code, err := d.get("anna", "/v1/pushes/"+id+"/timeline", &told)
	require.NoError(t, err)
	require.Equal(t, 200, code)
	var types []string
	for _, event := range told.Events {
		types = append(types, event.Type)
	}
	return types
}
