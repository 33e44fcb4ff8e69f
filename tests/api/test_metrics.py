"""Every promised metric is there, counts what it says, and no label holds an id or a raw path."""

import re
from pathlib import Path
from uuid import uuid4

from tests.corpus import a_channel, a_reader, a_tenant
from tg_assistant.infra import metrics

PROMISED = [
    *(
        "auth_qr_start_total",
        "auth_qr_success_total",
        "auth_qr_expired_total",
        "auth_qr_fail_total",
    ),
    *(
        "auth_qr_duration_seconds",
        "http_requests_total",
        "http_request_duration_seconds",
        "posts_saved_total",
    ),
    *(
        "backfill_pending",
        "index_lag_posts",
        "embedding_latency_seconds",
        "rag_queries_total",
    ),
    *(
        "rag_processing_duration_seconds",
        "rate_limit_exceeded_total",
        "invite_operations_total",
        "telethon_connected_accounts",
    ),
    *(
        "telethon_floodwait_total",
        "telethon_floodwait_seconds_total",
        "jobs_total",
        "errors_total",
    ),
]
LABELS = {
    "auth_qr_fail_total": ("reason",),
    "http_requests_total": ("method", "route", "status"),
    "http_request_duration_seconds": ("method", "route"),
    "posts_saved_total": ("via",),
    "rag_queries_total": ("door", "outcome"),
    "rate_limit_exceeded_total": ("rule",),
    "invite_operations_total": ("operation",),
    "jobs_total": ("name", "outcome"),
    "errors_total": ("door", "code"),
}


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def test_the_promised_names_and_labels():
    """Dashboards and alerts of the outside hold on to these."""
    page = metrics.page().decode()
    for name in PROMISED:
        described = re.search(rf"^# TYPE {name} (counter|gauge|histogram)$", page, re.M)
        assert described, name
        assert getattr(metrics, name)._labelnames == LABELS.get(name, ()), name


def test_each_is_documented():
    """docs/operations.md says what every metric counts."""
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    assert not [name for name in PROMISED if f"`{name}" not in page]


async def test_requests_are_counted_by_route_template(http, sign_in):
    """A thousand ids are one label; what is not the API is one, too."""
    own = await sign_in(72_001)
    route = "/api/channels/{channel_id}"
    before = value("http_requests_total", method="GET", route=route, status="403")
    ids = [str(uuid4()) for _ in range(5)]
    for one in ids:
        await http.get(f"/api/channels/{one}", headers=own)
        await http.get(f"/nowhere/{one}")
        await http.get(f"/api/nowhere/{one}")
        await http.request(f"X{one[:8]}", f"/api/channels/{one}")
    assert value("http_requests_total", method="GET", route=route, status="403") == before + 5
    page = metrics.page().decode()
    assert not [one for one in ids if one in page or one[:8] in page]
    assert not re.search(r'="[^"]*[0-9a-f]{8}-[0-9a-f]{4}', page)
    assert 'route="page"' in page and 'method="other"' in page


async def test_what_happens_is_counted(http, rt, sign_in):
    """A start, a question, saved posts and an error each move their number."""
    where = await a_tenant(rt)
    names = {
        "auth_qr_start_total": {},
        "posts_saved_total": {"via": "backfill"},
        "rag_queries_total": {"door": "rest", "outcome": "abstained"},
        "rag_processing_duration_seconds_count": {},
        "invite_operations_total": {"operation": "redeem"},
        "errors_total": {"door": "rest", "code": "channels.not_found"},
        "embedding_latency_seconds_count": {},
    }
    before = {name: value(name, **labels) for name, labels in names.items()}
    channel = await a_channel(rt, where, ["A post"], number=72)
    await a_reader(rt, where, 72_002, [channel.id])
    own = await sign_in(72_002)
    assert (await http.post("/api/tg/qr/start", json={}, headers=own)).status_code == 201
    asked = await http.post("/api/rag/query", json={"query": "What colour is the moon made of?"}, headers=own)
    assert asked.status_code == 200
    await http.get(f"/api/channels/{uuid4()}", headers=own)
    still = [name for name, labels in names.items() if value(name, **labels) <= before[name]]
    assert not still


async def test_metrics_are_not_public(http):
    """The web's own port says that there is nothing; an internal one has them."""
    for path in ("/metrics", "/metrics/", "/metrics/x"):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "http.404")
