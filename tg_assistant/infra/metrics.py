"""All metrics. Their names are a public interface; labels are few and never an id or a raw path."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REGISTRY = CollectorRegistry()
_LONG = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


def _counter(name: str, said: str, *labels: str) -> Counter:
    return Counter(name, said, labels, registry=REGISTRY)


def _gauge(name: str, said: str) -> Gauge:
    return Gauge(name, said, registry=REGISTRY, multiprocess_mode="livemax")  # of live web workers


def _histogram(name: str, said: str, *labels: str, buckets: tuple[float, ...] = _SHORT) -> Histogram:
    return Histogram(name, said, labels, registry=REGISTRY, buckets=buckets)


auth_qr_start_total = _counter("auth_qr_start_total", "attempts to connect an account")
auth_qr_success_total = _counter("auth_qr_success_total", "attempts that connected one")
auth_qr_expired_total = _counter("auth_qr_expired_total", "attempts nobody finished in time")
auth_qr_fail_total = _counter("auth_qr_fail_total", "attempts that failed", "reason")
auth_qr_duration_seconds = _histogram(
    "auth_qr_duration_seconds", "from the start of an attempt to its success", buckets=_LONG
)
http_requests_total = _counter(
    "http_requests_total", "answers by route template", "method", "route", "status"
)
http_request_duration_seconds = _histogram(
    "http_request_duration_seconds", "until an answer was complete", "method", "route"
)
posts_saved_total = _counter("posts_saved_total", "new posts", "via")
backfill_pending = _gauge("backfill_pending", "followed channels whose history is not read to its end")
index_lag_posts = _gauge("index_lag_posts", "posts that cannot be searched by meaning yet")
embedding_latency_seconds = _histogram("embedding_latency_seconds", "one batch of texts to vectors")
rag_queries_total = _counter("rag_queries_total", "questions", "door", "outcome")
rag_processing_duration_seconds = _histogram(
    "rag_processing_duration_seconds", "from a question to its saved answer"
)
rate_limit_exceeded_total = _counter("rate_limit_exceeded_total", "refusals", "rule")
invite_operations_total = _counter("invite_operations_total", "what was done to invites", "operation")
telethon_connected_accounts = _gauge("telethon_connected_accounts", "accounts connected by this process")
telethon_floodwait_total = _counter("telethon_floodwait_total", "waits Telegram asked for")
telethon_floodwait_seconds_total = _counter("telethon_floodwait_seconds_total", "seconds of these waits")
jobs_total = _counter("jobs_total", "finished tries of jobs", "name", "outcome")
event_loop_lag_seconds = _gauge(
    "event_loop_lag_seconds", "how late the process's event loop was at its last beat"
)
errors_total = _counter("errors_total", "errors told to people", "door", "code")


def page() -> bytes:
    """Return all metrics in Prometheus's text format."""
    return generate_latest(REGISTRY)
