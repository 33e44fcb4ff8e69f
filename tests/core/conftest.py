"""What core does for a person it does here with the rights that web and bot have in PostgreSQL."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.servers import as_door
from tg_assistant import core
from tg_assistant.infra.runtime import Runtime

_PREPARING = "tg_tests"
_LOWERED = "lowered"


def for_people() -> Iterator[tuple[object, str, Callable[..., Any], str]]:
    """Core's public functions that begin with `db` or `rt` and the actor: module, name, function, which."""
    for found in pkgutil.walk_packages(core.__path__, f"{core.__name__}."):
        module = importlib.import_module(found.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            first = list(inspect.signature(function).parameters)[:2]
            if function.__module__ == found.name and not name.startswith("_") and first[1:] == ["actor"]:
                yield module, name, function, first[0]


@asynccontextmanager
async def lowered(db: AsyncSession) -> AsyncIterator[None]:
    """The transaction without what tests may do beyond web and bot; what was prepared is written before."""
    bound = db.get_bind()
    if db.info.get(_LOWERED) or bound.engine.url.username != _PREPARING:
        yield
        return
    await db.flush()
    await db.exec(text("SET LOCAL ROLE tg_app"))
    db.info[_LOWERED] = True
    try:
        yield
        await db.flush()
    finally:
        del db.info[_LOWERED]
        with suppress(SQLAlchemyError):  # of a transaction that has failed, whose end ends the role, too
            await db.exec(text("RESET ROLE"))


def in_a_lowered_transaction(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def called(db: AsyncSession, *args: Any, **values: Any) -> Any:
        async with lowered(db):
            return await function(db, *args, **values)

    return called


def through(door: Runtime, rt: Runtime, function: Callable[..., Any]) -> Callable[..., Any]:
    """Called with the module's runtime, `function` gets the door's."""

    @functools.wraps(function)
    def called(given: Runtime, *args: Any, **values: Any) -> Any:
        return function(door if given is rt else given, *args, **values)

    return called


@pytest.fixture(autouse=True)
async def with_the_rights_of_doors(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    if "rt" not in request.fixturenames:
        yield
        return
    rt: Runtime = request.getfixturevalue("rt")
    async with as_door(rt) as door:
        for module, name, function, first in for_people():
            if first == "rt":
                monkeypatch.setattr(module, name, through(door, rt, function))
            elif first == "db" and inspect.iscoroutinefunction(function):
                monkeypatch.setattr(module, name, in_a_lowered_transaction(function))
        yield
