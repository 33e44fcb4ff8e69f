"""`tg-assistant doctor`: one line in words for each neighbour."""

import os
from collections.abc import Callable, Iterator


def examine() -> Iterator[tuple[str, str | None]]:
    """Check every neighbour; yield its name, and the problem or None."""
    checks: dict[str, Callable[[], str | None]] = {
        "PostgreSQL and its schema": _database,
        "Chroma": lambda: _http("CHROMA_URL", "/api/v2/heartbeat", "http://127.0.0.1:8001"),
        "Embedder": lambda: _http("EMBEDDER_URL", "/health", ""),
        "Web": lambda: _http("BOT_PUBLIC_URL", "/ready", "http://127.0.0.1:8000"),
        "Telegram's Bot API": _bot_api,
    }
    if not os.environ.get("EMBEDDER_URL"):
        del checks["Embedder"]  # the processes load the model themselves
    for name, check in checks.items():
        yield name, check()


def _database() -> str | None:
    import psycopg

    url = next((os.environ[name] for name in ("DATABASE_URL", "POSTGRES_URL") if os.environ.get(name)), None)
    if url is None:
        return "DATABASE_URL is missing"
    try:
        with psycopg.connect(url.replace("+psycopg://", "://", 1), connect_timeout=5) as db:
            row = db.execute("SELECT to_regclass('alembic_version')").fetchone()
    except psycopg.Error as error:
        return str(error).strip().splitlines()[0]
    return None if row and row[0] else "no schema yet: tg-assistant migrate"


def _http(variable: str, path: str, default: str) -> str | None:
    import httpx

    url = os.environ.get(variable, default).rstrip("/") + path
    try:
        answer = httpx.get(url, timeout=5)
    except httpx.HTTPError as error:
        return f"{url}: {error}"
    return None if answer.is_success else f"{url} answers {answer.status_code}: {answer.text[:200]}"


def _bot_api() -> str | None:
    import httpx

    token = os.environ.get("BOT_TOKEN") or os.environ.get("TELEGRAM_BOT_TOKEN")
    if not token:
        return "BOT_TOKEN is missing"
    base = os.environ.get("BOT_API_BASE", "https://api.telegram.org")
    try:
        answer = httpx.get(f"{base}/bot{token}/getMe", timeout=5)
    except httpx.HTTPError as error:
        return f"{base}: {type(error).__name__}"  # the error's message contains the address, and so the token
    if answer.is_success:
        return None
    refused = answer.status_code in (401, 404)  # 404: no token has this form
    return f"{base} answers {answer.status_code}" + (": the token is not accepted" if refused else "")
