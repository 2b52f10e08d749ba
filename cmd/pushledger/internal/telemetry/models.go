package telemetry

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pushledger/pushledger/projections"
)

const statusPatience = 2 * time.Second

// models tells how far each read model is.
type models struct {
	served []*projections.Served
	logger *slog.Logger
}

var (
	positionOf = describe("position", "Sequence of the last event that a read model shows.")
	lagOf      = describe("lag_events", "Events of the ledger that a read model does not show yet.")
	stoppedAt  = describe("stopped", "1 if a read model has stopped at an event that it cannot fold.")
	rebuiltTo  = describe("rebuilt_position", "How far the copy has come that is being made; 0 when none is.")
)

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("pushledger_projection_"+name, help, []string{"model"}, nil)
}

// Models adds the standing of the read models.
func (m *Metrics) Models(served []*projections.Served, logger *slog.Logger) {
	m.registry.MustRegister(models{served, logger})
}

// Describe implements prometheus.Collector.
func (m models) Describe(into chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{positionOf, lagOf, stoppedAt, rebuiltTo} {
		into <- desc
	}
}

// Collect implements prometheus.Collector.
func (m models) Collect(into chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statusPatience)
	defer cancel()
	for _, model := range m.served {
		status, err := model.Status(ctx)
		if err != nil {
			m.logger.Warn("read model not measured", "model", model.Name(), "error", err)
			continue
		}
		stopped := 0.0
		if status.State == projections.StateStopped {
			stopped = 1
		}
		for desc, value := range map[*prometheus.Desc]float64{
			positionOf: float64(status.Position), lagOf: float64(status.Lag), stoppedAt: stopped, rebuiltTo: float64(status.Rebuilt),
		} {
			into <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, model.Name())
		}
	}
}
