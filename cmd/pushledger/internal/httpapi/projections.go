package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/pushes"
)

// maxLag is how many events a read model that has caught up may be behind before the
// service says that it is not ready.
const maxLag = 100_000

var noSuchModel = &push.Refusal{Code: "not_found", Message: "there is no read model of this name", MessageZH: "没有此读模型"}

// ProjectionList is the read models and how each stands.
type ProjectionList struct {
	Projections []projections.Status `json:"projections" nullable:"false"`
}

type projectionInput struct {
	Name string `path:"name" maxLength:"64"`
}

// addProjections adds what operators do with read models.
func (s *server) addProjections() {
	huma.Register(s.api, operation(s, http.MethodGet, "list-projections", "/v1/projections", "Read models and how far they are (operator, auditor)"),
		func(ctx context.Context, _ *struct{}) (*output[ProjectionList], error) {
			list, err := s.projections(ctx)
			if err != nil {
				return nil, s.explain(ctx, err)
			}
			return &output[ProjectionList]{Body: list}, nil
		})
	rebuild := operation(s, http.MethodPost, "rebuild-projection", "/v1/projections/{name}/rebuild",
		"Make a read model anew from the log, beside the one that is served (operator)")
	rebuild.DefaultStatus = http.StatusAccepted
	huma.Register(s.api, rebuild, func(ctx context.Context, input *projectionInput) (*struct{}, error) {
		model, err := s.model(input.Name)
		if err != nil {
			return nil, err
		}
		s.Logger.InfoContext(ctx, "an operator has a read model made anew",
			"model", input.Name, "account", viewerOf(ctx).Account, "remote", remoteOf(ctx))
		model.Rebuild()
		return nil, nil //nolint:nilnil // there is nothing to say but that it was taken in
	})
	s.addProjectionCopy()
}

func (s *server) model(name string) (*projections.Served, error) {
	for _, model := range s.Models {
		if model.Name() == name {
			return model, nil
		}
	}
	return nil, problemOf(http.StatusNotFound, noSuchModel)
}

func (s *server) projections(ctx context.Context) (ProjectionList, error) {
	list := ProjectionList{Projections: []projections.Status{}}
	for _, model := range s.Models {
		status, err := model.Status(ctx)
		if err != nil {
			return ProjectionList{}, err
		}
		list.Projections = append(list.Projections, status)
	}
	return list, nil
}

// ready says whether questions can be answered, and how far behind each model is. A model
// that stops makes the service unready, for somebody has to see to it, although the
// questions that the others answer are still answered. Who waits for partners is ready to
// answer, and says for whom it waits.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	var report string
	for _, model := range s.Models {
		status, err := model.Status(r.Context())
		if err == nil {
			err = model.Ready()
		}
		if err == nil && status.Lag > maxLag {
			err = fmt.Errorf("%w: %d events behind", projections.ErrBehind, status.Lag)
		}
		if err != nil {
			s.Logger.InfoContext(r.Context(), "not ready", "model", model.Name(), "error", err)
			writeProblem(w, problemOf(http.StatusServiceUnavailable, pushes.Explain(err)))
			return
		}
		report += fmt.Sprintf("%s at %d of %d, %d behind\n", status.Model, status.Position, status.End, status.Lag)
	}
	for _, partner := range s.Silent() {
		report += partner + " has not answered yet\n"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n"+report) // the caller has gone, nobody is left to tell
}
