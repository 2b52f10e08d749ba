package ledger

import (
	"context"
	"crypto/rand"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const traceparentKey = "traceparent" // W3C trace context

// Continue gives a context that carries on the trace of a stored event or of a command,
// for the calls to which it leads. What cannot be read starts no trace.
func Continue(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparentKey: traceparent})
}

// traceparent is what the events of a change carry, none without: what the command came
// with, else the span under way, else the next of the trace of the push's last event. A
// new trace begins where there is nothing to go on with.
func traceparent(ctx context.Context, given, last string) string {
	if spanOf(Continue(context.Background(), given)).IsValid() {
		return given
	}
	before := spanOf(ctx)
	if !before.IsValid() {
		before = spanOf(Continue(context.Background(), last))
	}
	own := trace.SpanContextConfig{TraceID: before.TraceID(), SpanID: before.SpanID(), TraceFlags: before.TraceFlags()}
	if !before.IsValid() {
		_, _ = rand.Read(own.TraceID[:]) // never fails
	}
	if !before.IsValid() || before.IsRemote() {
		_, _ = rand.Read(own.SpanID[:]) // never fails
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(own)), carrier)
	return carrier[traceparentKey]
}

func spanOf(ctx context.Context) trace.SpanContext { return trace.SpanContextFromContext(ctx) }
