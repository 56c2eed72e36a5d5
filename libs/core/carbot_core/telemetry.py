"""Traces and metrics: OpenTelemetry, exported by OTLP when an endpoint is set, and as Prometheus text at /metrics always."""

import os
import re
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import perf_counter
from typing import Protocol
from weakref import WeakSet

from opentelemetry import metrics, trace
from opentelemetry.context import Context as TraceContext
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import REGISTRY, generate_latest

# OpenTelemetry semantic conventions, http.server.request.duration.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_PROPAGATOR = TraceContextTextMapPropagator()
_SUMMARY = re.compile(
    r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|COMMIT|SAVEPOINT|RELEASE|ROLLBACK)\b(?:.*?\b(?:FROM|INTO|UPDATE)\s+([a-z_.]+))?",
    re.DOTALL,
)
_summaries: dict[str, str] = {}

tracer = trace.get_tracer("carbot")
meter = metrics.get_meter("carbot")

requests = meter.create_histogram("http.server.request.duration", unit="s")
acquires = meter.create_histogram("carbot.db.pool.acquire.duration", unit="s")
replica_fallbacks = meter.create_counter("carbot.db.replica.fallbacks")
published = meter.create_counter("carbot.outbox.published")
publish_failures = meter.create_counter("carbot.outbox.failures")
outbox_age = meter.create_gauge("carbot.outbox.oldest.age", unit="s")
outbox_depth = meter.create_gauge("carbot.outbox.depth")
handled = meter.create_histogram("carbot.consumer.handle.duration", unit="s")
effect_delay = meter.create_histogram("carbot.consumer.commit_to_effect.duration", unit="s")
dead_letters = meter.create_counter("carbot.consumer.dead_letters")
consumer_lag = meter.create_gauge("carbot.consumer.pending")
broker_errors = meter.create_counter("carbot.broker.errors")
timers_fired = meter.create_counter("carbot.timers.fired")
job_runs = meter.create_counter("carbot.jobs.runs")


def _level(name: str, label: str) -> Counter[str]:
    """Return numbers that rise and fall, by label; they are looked at when metrics are read, which makes a step cheap."""
    now = Counter[str]()

    def observe(_options: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
        return [metrics.Observation(count, {label: value}) for value, count in list(now.items())]

    meter.create_observable_up_down_counter(name, callbacks=[observe])
    return now


waiting = _level("carbot.db.pool.waiting", "role")
active = _level("http.server.active_requests", "url.scheme")


class Pooled(Protocol):
    """Something with connections."""

    def in_use(self) -> dict[str, int]: ...


_watched: WeakSet[Pooled] = WeakSet()


def watch(pooled: Pooled) -> None:
    """Show from now on how many of its connections are in use, by role."""
    _watched.add(pooled)


def _in_use(_options: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
    return [
        metrics.Observation(count, {"role": role}) for pooled in _watched for role, count in pooled.in_use().items()
    ]


meter.create_observable_gauge("carbot.db.pool.in_use", callbacks=[_in_use])


def start(service: str, process: str, version: str) -> None:
    """Set the providers of this process, once; spans are recorded only if OTEL_EXPORTER_OTLP_ENDPOINT is set."""
    resource = Resource.create(
        {"service.name": f"carbot-{service}", "service.version": version, "carbot.process": process}
    )
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    readers: list[MetricReader] = [PrometheusMetricReader()]
    sampler = ParentBased(TraceIdRatioBased(0.1)) if endpoint else ALWAYS_OFF
    tracing = TracerProvider(resource=resource, sampler=sampler)
    if endpoint:
        # A second of importing that only those who export pay for.
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
        tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    seconds = View(
        instrument_unit="s", instrument_name="*.duration", aggregation=ExplicitBucketHistogramAggregation(_BUCKETS)
    )
    metrics.set_meter_provider(MeterProvider(readers, resource=resource, views=[seconds]))
    trace.set_tracer_provider(tracing)


def exposition() -> bytes:
    """Return the metrics of this process as Prometheus text."""
    return generate_latest(REGISTRY)


def parent_of(traceparent: str | None) -> TraceContext | None:
    """Return the context that a traceparent header names (W3C Trace Context), or None if it is missing or malformed."""
    return _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else None


def trace_of(traceparent: str | None) -> str:
    """Return the trace id that a traceparent header names, zeros if none."""
    return f"{trace.get_current_span(parent_of(traceparent)).get_span_context().trace_id:032x}"


def processing(subject: str, traceparent: str | None) -> AbstractContextManager[object]:
    """Return the span of an event's effect, in the trace of its cause."""
    context = parent_of(traceparent)
    return tracer.start_as_current_span(f"process {subject}", context=context, record_exception=False)


def traceparent() -> str | None:
    """Return the header that lets another process go on with the current trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")


def trace_id() -> str:
    """Return the current trace id, 32 hexadecimal digits; zeros outside every trace."""
    return f"{trace.get_current_span().get_span_context().trace_id:032x}"


def statement(sql: str, role: str) -> AbstractContextManager[object]:
    """Return a span for a statement, named after its verb and table; never its parameters."""
    if not trace.get_current_span().is_recording():
        return nullcontext()
    summary = _summaries.get(sql)
    if summary is None:
        match = _SUMMARY.search(sql)
        summary = _summaries[sql] = " ".join(part for part in match.groups() if part) if match else "statement"
    return tracer.start_as_current_span(
        summary,
        kind=trace.SpanKind.CLIENT,
        attributes={"db.system.name": "postgresql", "db.query.summary": summary, "carbot.db.role": role},
        record_exception=False,
    )


@contextmanager
def acquiring(role: str) -> Generator[None]:
    """Measure how long a connection is waited for."""
    started = perf_counter()
    waiting[role] += 1
    try:
        yield
    finally:
        waiting[role] -= 1
        acquires.record(perf_counter() - started, {"role": role})
