"""What is sent to each route by somebody whom the objects do not belong to: one place to extend.

The routes are taken from the app. A path parameter, query parameter or body that is not named here fails
tests/attacks/test_every_route.py until somebody says what a foreign one looks like.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel

from tests.attacks.victim import MARK

Pick = Callable[[str], Any]  # the name of an object → its id: the victim's, or a random one

# Path parameters that name objects of the victim's; the others are words and secrets of nobody.
OBJECTS = (
    *("account_id", "channel_id", "code", "feed_id", "post_id", "question_id", "qr_session_id", "session_id"),
    *("task_id", "telegram_id", "user_id"),
)
WORDS = {"name": "nothing", "link_token": "x" * 43, "token": "x" * 43, "path": "nothing", "job_id": "987654"}

# Query parameters that narrow by an object or a word; the rest only page.
QUERY: dict[str, Callable[[Pick], Any]] = {
    "channel_id": lambda pick: [str(pick("channel_id"))],
    "channel_ids": lambda pick: [str(pick("channel_id"))],
    "user_id": lambda pick: str(pick("user_id")),
    "search": lambda pick: MARK,
    "q": lambda pick: MARK,
    "subject": lambda pick: str(pick("channel_id")),
}
PAGING = (
    "limit",
    "cursor",
    "status",
    "refresh",
    "with_group",
    "mode",
    "format",
    "from",
    "to",
    "since",
    "until",
)
PAGING += ("role", "plan", "disabled", "action", "path")

# Bodies by the name of their model, with the victim's ids wherever they take any.
BODIES: dict[str, Callable[[Pick], Any]] = {
    "InitDataIn": lambda pick: {"init_data": "query_id=1&hash=0"},
    "ProfileIn": lambda pick: {"language": "en"},
    "CodeIn": lambda pick: {"code": pick("code")},
    "StartIn": lambda pick: {"telegram_user_id": pick("telegram_id"), "invite_code": pick("code")},
    "CancelIn": lambda pick: {"qr_session_id": str(pick("qr_session_id"))},
    "PasswordIn": lambda pick: {"password": "hunter2"},
    "AddIn": lambda pick: {"telegram_id": pick("telegram_id")},
    "FeedIn": lambda pick: {"channel_id": str(pick("channel_id"))},
    "PauseIn": lambda pick: {"paused": True},
    "QueryIn": lambda pick: {
        "query": f"What about {MARK}?",
        "user_id": str(pick("user_id")),
        "channel_ids": [str(pick("channel_id"))],
    },
    "InviteIn": lambda pick: {"notes": "mine"},
    "InviteChangeIn": lambda pick: {"notes": "changed"},
    "MemberChangeIn": lambda pick: {"version": 1, "role": "admin"},
    "GroupPauseIn": lambda pick: {"paused": True},
    "FlagIn": lambda pick: {"enabled": True},
    "ExperimentIn": lambda pick: {"running": False},
    "RetentionIn": lambda pick: {"posts": 30},
    "RequestIn": lambda pick: {
        "query": "query ($id: UUID!) { channel(id: $id) { title } }",
        "variables": {"id": str(pick("channel_id"))},
    },
    "str": lambda pick: {"go": "1"},  # the connect page's button
}

# Anybody may ask these: they say nothing of anybody.
PUBLIC = (
    *("/health", "/ready", "/openapi.json", "/docs", "/redoc", "/tg/connect/static", "/docs/static"),
    *("/api/auth/telegram-webapp",),
)
# They end or erase the caller, who could attack no further; what they do is tested where they live.
ON_ONESELF = ("POST /api/auth/logout", "DELETE /api/users/me")


@dataclass(frozen=True)
class Target:
    """A method of a route, and what may be put into it."""

    method: str
    path: str
    parameters: tuple[str, ...]
    query: tuple[str, ...]
    body: str | None
    form: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def public(self) -> bool:
        return any(self.path == known or self.path.startswith(f"{known}/") for known in PUBLIC)

    @property
    def names_an_object(self) -> bool:
        return any(name in OBJECTS for name in self.parameters)

    def request(self, pick: Pick) -> dict[str, Any]:
        """What httpx sends, with the ids that `pick` gives."""
        path = self.path
        for name in self.parameters:
            value = pick(name) if name in OBJECTS else WORDS[name]
            path = path.replace(f"{{{name}}}", str(value))
        asked = {name: QUERY[name](pick) for name in self.query if name in QUERY}
        sent: dict[str, Any] = {"method": self.method, "url": path, "params": asked}
        if self.body:
            sent["data" if self.form else "json"] = BODIES[self.body](pick)
        return sent


def targets(app: FastAPI) -> list[Target]:
    """Every method of every route but HEAD, OPTIONS and TRACE, which read less."""
    found = []
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)
        body = dependant.body_params[0] if dependant and dependant.body_params else None
        shared = (
            re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path or ""),
            tuple(sorted(getattr(route, "param_convertors", {}))),
            tuple(_query_names(dependant)),
            _model_name(body.field_info.annotation) if body else None,
            "Form" in type(body.field_info).__name__ if body else False,
        )
        methods = {"GET", "POST", "PUT", "PATCH", "DELETE"} & set(route.methods or ())
        found += [Target(method, *shared) for method in sorted(methods)]
    return found


def _query_names(dependant: Any) -> list[str]:
    names = []
    for parameter in dependant.query_params if dependant else ():
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            names += [field.alias or name for name, field in model.model_fields.items()]
        else:
            names.append(parameter.alias)
    return names


def _model_name(annotation: Any) -> str:
    options = [each for each in get_args(annotation) if each is not type(None)]
    return (options[0] if options else annotation).__name__


def input_models(app: FastAPI) -> dict[str, type[BaseModel]]:
    """The models of all JSON bodies, by name."""
    found = {}
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)
        for body in dependant.body_params if dependant else ():
            annotation = body.field_info.annotation
            options = [each for each in get_args(annotation) if each is not type(None)] or [annotation]
            found |= {
                one.__name__: one for one in options if isinstance(one, type) and issubclass(one, BaseModel)
            }
    return found
