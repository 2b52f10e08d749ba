package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

const maxRefusal = 64 << 10 // bytes of a problem document

// open asks for an answer of any length, which may take any time.
func (c *Client) open(request *http.Request) (io.ReadCloser, error) {
	response, err := (&http.Client{Transport: c.http.Transport}).Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, hiding(c.target.HTTPURL, err))
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return nil, refusal(response.StatusCode, body)
}

// CopyProjection writes the tables of a read model, as the service serves them at this
// moment, into a new SQLite file.
func (c *Client) CopyProjection(ctx context.Context, model, path string) (err error) {
	request, err := c.request(ctx, http.MethodGet, "/v1/projections/"+url.PathEscape(model)+"/copy", nil)
	if err != nil {
		return err
	}
	body, err := c.open(request)
	if err != nil {
		return err
	}
	defer body.Close()                                                       //nolint:errcheck // only read
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the user names the place
	if err != nil {
		return fmt.Errorf("client: copy of %s: %w", model, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := io.Copy(file, body); err != nil {
		return fmt.Errorf("%w: copy of %s: %w", ErrUnreachable, model, err)
	}
	return nil
}
