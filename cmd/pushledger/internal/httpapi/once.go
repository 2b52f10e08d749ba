package httpapi

import (
	"net/http"
	"net/url"

	"github.com/pushledger/pushledger/projections/pushes"
)

// headersOnce are those of which a second one would be read by one part of the program
// and the first by another.
var headersOnce = []string{"Authorization", "Min-Seq", "Min-Seq-Timeout", "Last-Event-ID"}

// once refuses a request that says something twice. Taken for the first or the last of
// them it would be half understood.
func once(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if what := twice(r); what != "" {
			writeProblem(w, problemOf(http.StatusBadRequest, pushes.RefuseQuery(what)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// twice is what a request says twice, or cannot be read; empty if there is nothing.
func twice(r *http.Request) string {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "the query string"
	}
	for name, values := range query {
		if len(values) > 1 {
			return name
		}
	}
	for _, name := range headersOnce {
		if len(r.Header.Values(name)) > 1 {
			return name
		}
	}
	return ""
}
