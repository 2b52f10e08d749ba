package httpapi

import (
	"net/http"
	"strings"
)

// elsewhere answers what no path of the door does: with 405 where another method would
// do, with 404 otherwise.
type elsewhere struct{ mux *http.ServeMux }

// ServeHTTP implements http.Handler.
func (e elsewhere) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := e.mux.Handler(other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		writeProblem(w, problemOf(http.StatusNotFound, notFound))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	writeProblem(w, problemOf(http.StatusMethodNotAllowed, notAllowed))
}
