package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/pushledger/pushledger/projections/pushes"
)

// pushOutput is a push with the tag by which a caller recognises what it has seen.
type pushOutput struct {
	Status int
	ETag   string `header:"ETag" doc:"Changes whenever the answer does."`
	Body   *pushes.View
}

// tagged is the answer to whoever knows the tags in If-None-Match. The view of a push
// follows from its events, the program and whether its payment page is shown, so its last
// sequence, the program's version and that tell two of them apart.
func (s *server) tagged(view pushes.View, known string) *pushOutput {
	tag := strconv.FormatUint(view.Seq, 10) + "-" + s.Version
	if view.Payment.URL != "" {
		tag += "-payable"
	}
	tag = strconv.Quote(tag)
	if matches(known, tag) {
		return &pushOutput{Status: http.StatusNotModified, ETag: tag}
	}
	return &pushOutput{Status: http.StatusOK, ETag: tag, Body: &view}
}

// matches compares as RFC 9110 has it for If-None-Match: weakly.
func matches(known, tag string) bool {
	for candidate := range strings.SplitSeq(known, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == tag || candidate == "*" {
			return true
		}
	}
	return false
}
