package projections_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/eventstore"
)

func TestTheTraceOfACommandGoesOnInTheReadModels(t *testing.T) {
	const traceID = "0af7651916cd43dd8448eb211c80319c"
	spans := tracetest.NewSpanRecorder()
	before, provider := otel.GetTracerProvider(), trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	otel.SetTracerProvider(provider)
	t.Cleanup(func() {
		otel.SetTracerProvider(before)
		require.NoError(t, provider.Shutdown(context.WithoutCancel(t.Context())))
	})
	log := newLog()
	_, err := log.Append(t.Context(), eventstore.Metadata{Traceparent: "00-" + traceID + "-b7ad6b7169203331-01"},
		eventstore.Change{Stream: stream, Events: []aggregates.Event{noted{"traced"}}})
	require.NoError(t, err)
	note(t, log, "of no trace")

	runner, stop := running(t, notes(1), openStore(t), log)
	require.NoError(t, runner.WaitReady(t.Context()))
	require.NoError(t, stop())

	var linked []string
	for _, span := range spans.Ended() {
		for _, link := range span.Links() {
			linked = append(linked, link.SpanContext.TraceID().String())
		}
	}
	require.Equal(t, []string{traceID}, linked)
}
