// Package telemetry shows operators what the service does: metrics for Prometheus, and
// traces for whatever collector the OTEL_EXPORTER_OTLP_ENDPOINT of the environment names.
// Neither holds anything personal: a label is a verb, a path, a status or the name of a
// read model, and a span names a push.
package telemetry

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

const flushPatience = 5 * time.Second

// Trace sends spans to the collector that the environment names, as OpenTelemetry has it
// for all programs. Without one nothing is recorded; traces are carried on all the same.
// stop sends what is left.
func Trace(ctx context.Context, version string) (stop func() error, err error) {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return func() error { return nil }, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("telemetry: traces: %w", err)
	}
	described, err := resource.Merge(resource.Default(), resource.NewSchemaless(
		attribute.String("service.name", "pushledger"), attribute.String("service.version", version)))
	if err != nil {
		return nil, fmt.Errorf("telemetry: traces: %w", err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(described))
	otel.SetTracerProvider(provider)
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), flushPatience)
		defer cancel()
		return provider.Shutdown(ctx)
	}, nil
}
