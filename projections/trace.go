package projections

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/pushledger/pushledger/eventstore"
)

// traced runs write in a span of its own. It is linked to the trace of each event of the
// batch and is part of none, because one transaction serves the events of many.
func (r *Runner) traced(ctx context.Context, batch []eventstore.Recorded, write func(context.Context) error) error {
	ctx, span := otel.Tracer("pushledger/projections").Start(ctx, "fold", trace.WithAttributes(attribute.String("read_model", r.model.Name)))
	defer span.End()
	if span.IsRecording() {
		for _, event := range batch {
			carrier := propagation.MapCarrier{"traceparent": event.Metadata.Traceparent}
			if cause := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier)); cause.IsValid() {
				span.AddLink(trace.Link{SpanContext: cause})
			}
		}
	}
	err := write(ctx)
	if err != nil {
		span.SetStatus(codes.Error, "the batch was not folded")
	}
	return err
}
