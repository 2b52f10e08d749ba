package client

import "strings"

// withoutUser is an address without what stands before the @: to NATS that can be a token,
// and whatever it is, it is a secret.
func withoutUser(address string) string {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "", address
	} else {
		scheme += "://"
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if at := strings.LastIndex(rest[:end], "@"); at >= 0 {
		rest = "***" + rest[at:]
	}
	return scheme + rest
}

// hiding is an error whose text does not tell who is named in an address.
func hiding(address string, err error) error { return &hidden{err, address} }

type hidden struct {
	err     error
	address string
}

// Error implements error.
func (h *hidden) Error() string {
	text := h.err.Error()
	plain := withoutUser(h.address)
	if plain == h.address {
		return text
	}
	_, rest, _ := strings.Cut(h.address, "://")
	if rest == "" {
		rest = h.address
	}
	user, _, _ := strings.Cut(rest, "@")
	text = strings.ReplaceAll(text, user, "***")
	for _, part := range strings.SplitN(user, ":", 2) { // whoever repeats it may repeat a part
		if len(part) > 3 {
			text = strings.ReplaceAll(text, part, "***")
		}
	}
	return text
}

// Unwrap gives the error itself, for those who ask which one it is.
func (h *hidden) Unwrap() error { return h.err }
