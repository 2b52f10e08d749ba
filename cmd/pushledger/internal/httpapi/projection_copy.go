package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections"
)

const (
	copyType     = "application/vnd.sqlite3"
	copyPiece    = 256 << 10        // bytes after which the reader has to have shown that it reads
	copyPatience = 10 * time.Minute // for the copy itself, which is written as fast as the disk takes it
)

var copyUnderWay = &push.Refusal{
	Code: push.CodeRateLimited, Message: "a copy of a read model is being made; ask again when it is done", MessageZH: "正在制作读模型副本，请稍后再试",
}

// addProjectionCopy adds the rows of a read model as they are served, for an auditor who
// compares them with what the log makes of them. Copies take room on the disk and a while,
// so there is one at a time.
func (s *server) addProjectionCopy() {
	described := operation(s, http.MethodGet, "copy-projection", "/v1/projections/{name}/copy",
		"The tables of a read model as they are served, as a SQLite file (operator, auditor)")
	described.Responses = map[string]*huma.Response{"200": {
		Description: "A SQLite database",
		Content:     map[string]*huma.MediaType{copyType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
	huma.Register(s.api, described, func(ctx context.Context, input *projectionInput) (*huma.StreamResponse, error) {
		model, err := s.model(input.Name)
		if err != nil {
			return nil, err
		}
		if !s.copying.TryLock() {
			return nil, problemOf(http.StatusTooManyRequests, copyUnderWay)
		}
		file, err := copyOf(ctx, model)
		if err != nil {
			s.copying.Unlock()
			return nil, s.explain(ctx, err)
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			defer s.copying.Unlock()
			if err := errors.Join(s.send(ctx, file), file.Close()); err != nil {
				s.Logger.InfoContext(ctx.Context(), "copy of a read model not taken", "model", input.Name, "error", err)
			}
		}}, nil
	})
}

func copyOf(ctx context.Context, model *projections.Served) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, copyPatience)
	defer cancel()
	return model.Copy(ctx)
}

// send gives the reader a while for each piece, and no time in all: a copy may be large.
func (s *server) send(ctx huma.Context, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	_, w := humago.Unwrap(ctx)
	w.Header().Set("Content-Type", copyType)
	w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10)) // a copy that is cut short shows
	control := http.NewResponseController(w)
	for left := info.Size(); left > 0; {
		if err := control.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
			return err
		}
		sent, err := io.CopyN(w, file, min(left, copyPiece))
		if err != nil {
			return err
		}
		left -= sent
	}
	return nil
}
