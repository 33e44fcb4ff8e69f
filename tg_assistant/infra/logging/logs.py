"""structlog for everything, the standard library bridged: one JSON line an event, secrets removed."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from tg_assistant.infra.logging import error_hooks
from tg_assistant.infra.sparing import Sparing

_SECRET_KEYS = re.compile(
    r"token|secret|password|authorization|cookie|init_?data|session_key|api_hash|qr_url", re.I
)
_SAFE_KEYS = {"token_id", "login_token_expires"}
_PATTERNS = (
    re.compile(r"(?<!\d)\d{5,}+:[A-Za-z0-9_-]{30,}"),  # bot token
    re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),  # JWT
    re.compile(r"(?<=token=)[A-Za-z0-9_%-]+"),
    re.compile(r"(?<=/tg/connect/)[A-Za-z0-9_-]+"),
    re.compile(r"(?<=/admin/login/)[A-Za-z0-9_-]+"),
    re.compile(r"(?<=tgWebAppData=)[^&\s\"']+"),
    re.compile(r"(?<=://)[^/\s:@]+:[^@\s/]+(?=@)"),  # credentials in a URL
    # where an error of PostgreSQL was put into words: its values stand below the first line
    re.compile(r"(?:\n|\\n)(?:DETAIL|CONTEXT|QUERY|LINE \d+): [\s\S]*"),
    # a printed mapping: Reflex logs the data of events whose socket is gone
    *(re.compile(rf"(?<={key}['\"]: ['\"])[^'\"]+") for key in ("secret", "password", "token", "init_data")),
)
HIDDEN = "[hidden]"
# They tell of each request, some with its address or its body; openai's own client is httpx2.
_CHATTY = (
    *("httpx", "httpcore", "httpx2", "httpcore2", "openai"),
    *("telethon", "aiogram.event", "aiohttp.access", "chromadb"),
)


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop values of secret-looking keys and secret-looking parts of all strings."""
    return {key: HIDDEN if _is_secret(key, value) else _clean(value) for key, value in event.items()}


def _is_secret(key: str, value: Any) -> bool:
    return bool(_SECRET_KEYS.search(key)) and key not in _SAFE_KEYS and isinstance(value, (str, bytes))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        for pattern in _PATTERNS:
            value = pattern.sub(HIDDEN, value)
        return value
    if isinstance(value, dict):
        return {k: HIDDEN if _is_secret(str(k), v) else _clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value


# What ends a line, drives a terminal or turns text around; JSON itself escapes those below U+0020 only.
_NOT_SHOWN = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_BEYOND_JSON = re.compile(f"[{_NOT_SHOWN}]")
_UNPRINTABLE = re.compile(f"[\x00-\x1f{_NOT_SHOWN}]")


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _as_json(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """One JSON object that is one line to every reader, a terminal included."""
    line = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)(logger, name, event)
    return _BEYOND_JSON.sub(_escape, str(line))


def _on_a_terminal(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """One line for a person; a traceback stands indented below, so that it never looks like other lines."""
    trace = str(event.pop("exception", ""))
    shown = {key: _UNPRINTABLE.sub(_escape, str(value)) for key, value in event.items()}
    if "=" in shown.get("event", ""):
        shown["event"] = repr(shown["event"])  # values with one are quoted, too
    line = structlog.dev.ConsoleRenderer(colors=False)(logger, name, shown)
    below = [f"\n  | {_UNPRINTABLE.sub(_escape, part)}" for part in trace.split("\n") if part]
    return f"{line}{''.join(below)}"


def configure_terminal(level: int) -> None:
    """For commands: what is asked for goes to standard output, so events go to standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.ExceptionRenderer(error_hooks.render),
            redact,
            _on_a_terminal,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def configure(level: str = "INFO", *, process: str = "") -> None:
    """Call once in a process's main. Lines go to standard output, errors that nobody catches too."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.ExceptionRenderer(error_hooks.render),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact,
            _as_json,
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    handler.addFilter(Sparing())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for server in ("_granian", "granian.access"):  # they bring handlers of their own, past our redaction
        logging.getLogger(server).handlers.clear()
        logging.getLogger(server).propagate = True
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    error_hooks.log_uncaught()
    if process:
        structlog.contextvars.bind_contextvars(process=process)
