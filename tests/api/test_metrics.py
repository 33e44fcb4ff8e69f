"""Every promised metric is there, counts what it says, and no label holds an id or a raw path."""

import re
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests.corpus import a_channel, a_reader, a_tenant
from tests.counted import moved
from tests.people import member, tenant
from tg_assistant.core import plans
from tg_assistant.infra import metrics
from tg_assistant.models import Role

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
    ids = [str(uuid4()) for _ in range(5)]
    with moved("http_requests_total", 5, method="GET", route=route, status="403"):
        for one in ids:
            await http.get(f"/api/channels/{one}", headers=own)
            await http.get(f"/nowhere/{one}")
            await http.get(f"/api/nowhere/{one}")
            await http.request(f"X{one[:8]}", f"/api/channels/{one}")
    page = metrics.page().decode()
    assert not [one for one in ids if one in page or one[:8] in page]
    assert not re.search(r'="[^"]*[0-9a-f]{8}-[0-9a-f]{4}', page)
    assert 'route="page"' in page and 'method="other"' in page


async def test_a_question_is_counted(http, rt, sign_in):
    """By door and outcome, with its time; the day's last one is a refusal, and an error that is told."""
    where = await a_tenant(rt)
    with moved("posts_saved_total", 1, via="backfill"):
        channel = await a_channel(rt, where, ["The night ferry leaves at 23:40."], number=72)
    await a_reader(rt, where, 72_002, [channel.id])
    own = await sign_in(72_002)
    with (
        moved("rag_queries_total", 1, door="rest", outcome="abstained"),
        moved("rag_processing_duration_seconds_count", 1),
        moved("rag_processing_duration_seconds_sum"),
        moved("embedding_latency_seconds_count"),
    ):
        body = {"query": "What colour is the moon made of?"}
        assert (await http.post("/api/rag/query", json=body, headers=own)).status_code == 200
    with moved("rag_queries_total", 1, door="graphql", outcome="answered"):
        query = 'mutation { ask(question: "When does the night ferry leave?") { answer } }'
        await http.post("/api/graphql", json={"query": query}, headers=own)
    plan = plans.PLANS["free"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(plans.PLANS, "free", replace(plan, questions_per_day=2))
        with (
            moved("rate_limit_exceeded_total", 1, rule="questions"),
            moved("errors_total", 1, door="rest", code="answers.daily_limit"),
        ):
            assert (await http.post("/api/rag/query", json=body, headers=own)).status_code == 429


async def test_errors_are_counted_at_each_door(http, sign_in):
    """Under their code; tests/bot/test_commands.py and tests/test_state.py look at the other doors."""
    own = await sign_in(72_003)
    with moved("errors_total", 1, door="rest", code="access.no_membership"):
        assert (await http.get(f"/api/channels/{uuid4()}", headers=own)).status_code == 403
    with moved("errors_total", 1, door="graphql", code="graphql.syntax"):
        assert (await http.post("/api/graphql", json={"query": "{"}, headers=own)).status_code == 400


async def test_time_is_counted_by_route(http):
    """Each answer once, under its template."""
    with moved("http_request_duration_seconds_count", 1, method="GET", route="/health"):
        assert (await http.get("/health")).status_code == 200


async def test_what_is_done_to_invites_is_counted(http, rt, sign_in):
    """Made, changed, redeemed, revoked, deleted; a refused redemption is none."""
    async with rt.db.transaction() as db:
        await member(db, await tenant(db), 72_004, Role.admin)
    admin, guest = await sign_in(72_004), await sign_in(72_005)
    with moved("invite_operations_total", 1, operation="create"):
        code = (await http.post("/api/admin/invites", json={}, headers=admin)).json()["code"]
    at = f"/api/admin/invites/{code}"
    with moved("invite_operations_total", 1, operation="change"):
        await http.patch(at, json={"notes": "x"}, headers=admin)
    with moved("invite_operations_total", 1, operation="redeem"):
        for status in (201, 410):
            answer = await http.post("/api/invites/redeem", json={"code": code}, headers=guest)
            assert answer.status_code == status
    with moved("invite_operations_total", 1, operation="revoke"):
        await http.post(f"{at}/revoke", headers=admin)
    with moved("invite_operations_total", 1, operation="delete"):
        await http.delete(at, headers=admin)


def test_each_has_a_test_that_moves_it():
    """What nobody has seen move is no number: `moved("name…` stands in a test for every promised one."""
    tests = "".join(path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py"))
    asked = set(re.findall(r'moved\(\s*"(\w+)"', tests))
    unmoved = [name for name in PROMISED if not asked & {name, f"{name}_count"}]
    assert not unmoved


async def test_metrics_are_not_public(http):
    """The web's own port says that there is nothing; an internal one has them."""
    for path in ("/metrics", "/metrics/", "/metrics/x"):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "http.404")
