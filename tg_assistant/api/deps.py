"""Dependencies of every route: the runtime, and the caller with a transaction around one core call."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import Depends, Request

from tg_assistant.core.access import access_tokens, sign_in
from tg_assistant.core.access.access_tokens import Claims
from tg_assistant.core.actor import Actor
from tg_assistant.errors import SignInNeeded
from tg_assistant.infra.postgres.db import Session
from tg_assistant.infra.runtime import Runtime

RuntimeGetter = Callable[[], Runtime]


def runtime(request: Request) -> Runtime:
    """The process's runtime. It is looked up at each request, because the app is built before it opens."""
    getter: RuntimeGetter = request.app.state.runtime
    return getter()


Rt = Annotated[Runtime, Depends(runtime)]


@dataclass(frozen=True)
class Caller:
    """The bearer of this request, for REST and GraphQL. Rights are read from SQL at each `open`."""

    request: Request
    rt: Runtime
    door: str = "rest"

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[tuple[Session, Actor]]:
        """Yield a transaction and the actor; commit on exit. Raises SignInNeeded, NotAllowed."""
        async with self.rt.db.transaction() as db:
            actor = await sign_in.by_token(db, self._bearer(), secret=jwt_secret(self.rt), door=self.door)
            self.request.state.language = actor.language
            whose = {"user_id": actor.user_id, "tenant_id": actor.tenant_id}
            structlog.contextvars.bind_contextvars(**{name: str(id_) for name, id_ in whose.items() if id_})
            yield db, actor

    async def actor(self) -> Actor:
        """The actor alone, for core functions that open their own transactions.

        Raises SignInNeeded, NotAllowed.
        """
        async with self.open() as (_, actor):
            return actor

    def claims(self) -> Claims:
        """The claims of the token, without checking in SQL that its session is still valid.

        Raises SignInNeeded for a missing or invalid token.
        """
        return access_tokens.read(self._bearer(), secret=jwt_secret(self.rt))

    def _bearer(self) -> str:
        scheme, _, token = self.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise SignInNeeded("access.token")
        return token


def caller(request: Request, rt: Rt) -> Caller:
    """The caller of this request. Only `open` reads the token, so that a public address costs no query."""
    return Caller(request, rt)


Call = Annotated[Caller, Depends(caller)]


def jwt_secret(rt: Runtime) -> str:
    """The key of access tokens. Web does not start without it; see `settings.load`."""
    secret = rt.settings.security.jwt_secret
    assert secret is not None, "web does not start without JWT_SECRET"
    return secret.get_secret_value()
