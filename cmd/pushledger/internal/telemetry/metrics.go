package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is what is counted while the service runs. Its counters are safe for
// concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	refused  prometheus.Counter
	unknown  prometheus.Counter
	later    *prometheus.CounterVec
}

// NewMetrics returns metrics that nothing has been counted in.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pushledger_http_request_seconds", Help: "Time to answer a query over HTTP.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}, []string{"path", "status"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pushledger_notifications_refused_total", Help: "Payment notifications that were forged or fit no push.",
		}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pushledger_unknown_channels_total", Help: "Payments from a funding channel that rule T6 does not know; each goes back.",
		}),
		later: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pushledger_alipay_postponed_total", Help: "Steps that Alipay has put off: the merchant's balance, a day's limit, or work that is not done yet.",
		}, []string{"api", "code"}),
	}
	m.registry.MustRegister(m.requests, m.refused, m.unknown, m.later,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// NotificationRefused counts a payment notification that was forged or fits no push.
func (m *Metrics) NotificationRefused() { m.refused.Inc() }

// UnknownChannel counts a payment from a funding channel that nobody here knows.
func (m *Metrics) UnknownChannel() { m.unknown.Inc() }

// Postponed counts a step that the payment provider has put off. Only codes that it has signed
// and the adapter knows come here, so nobody can make up labels.
func (m *Metrics) Postponed(api, code string) { m.later.WithLabelValues(api, code).Inc() }

// Misconfigured is 1 for each API and code that list tells, whenever somebody asks.
func (m *Metrics) Misconfigured(list func() [][2]string) {
	m.registry.MustRegister(misconfigured{list})
}

// misconfigured implements prometheus.Collector.
type misconfigured struct{ list func() [][2]string }

var misconfiguredFigure = prometheus.NewDesc("pushledger_alipay_misconfigured",
	"1 while Alipay says of an API that the configuration or the contract is wrong.", []string{"api", "code"}, nil)

// Describe implements prometheus.Collector.
func (misconfigured) Describe(described chan<- *prometheus.Desc) { described <- misconfiguredFigure }

// Collect implements prometheus.Collector.
func (m misconfigured) Collect(collected chan<- prometheus.Metric) {
	seen := make(map[[2]string]bool)
	for _, labels := range m.list() {
		if !seen[labels] {
			seen[labels] = true
			collected <- prometheus.MustNewConstMetric(misconfiguredFigure, prometheus.GaugeValue, 1, labels[0], labels[1])
		}
	}
}

// Observe is a figure that is looked up whenever somebody asks for it.
func (m *Metrics) Observe(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// ObserveOne is Observe for one of several figures of a name, told apart by a label.
func (m *Metrics) ObserveOne(name, help, label, which string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: name, Help: help, ConstLabels: prometheus.Labels{label: which},
	}, value))
}

// Handler answers with all metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Timed measures how long the paths of a mux take. What none of its paths answers counts
// as one path, so that nobody can make up labels.
func (m *Metrics) Timed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, path := mux.Handler(r)
		answer := &answer{ResponseWriter: w, status: http.StatusOK}
		began := time.Now()
		mux.ServeHTTP(answer, r)
		m.requests.WithLabelValues(path, strconv.Itoa(answer.status)).Observe(time.Since(began).Seconds())
	})
}

// answer remembers the status of an answer.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
