"""The API over HTTP, in this process, above the module's real database."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from tests.people import PUBLIC_KEY, init_data
from tests.servers import as_door
from tg_assistant.api.app import create_api
from tg_assistant.infra.runtime import Runtime, open_runtime
from tg_assistant.settings.groups import Settings


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    telegram = settings.telegram.model_copy(update={"init_data_public_key": PUBLIC_KEY})
    return settings.model_copy(update={"telegram": telegram})


@pytest.fixture(scope="module")
async def rt(settings: Settings) -> AsyncIterator[Runtime]:
    async with open_runtime(settings) as runtime:
        yield runtime


@pytest.fixture(scope="module")
async def http(rt: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """The API with web's rights in PostgreSQL, which `rt` exceeds: tests prepare with it what ingest does."""
    async with as_door(rt) as door:
        transport = httpx.ASGITransport(create_api(lambda: door), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            yield client


@pytest.fixture(scope="module")
def sign_in(http: httpx.AsyncClient):
    """Sign a person in over REST; returns the headers that carry the access token."""

    async def signed(telegram_id: int, language: str = "en") -> dict[str, str]:
        data = init_data(
            {"id": telegram_id, "first_name": "P", "language_code": language}, query_id=uuid4().hex
        )
        answer = await http.post("/api/auth/telegram-webapp", json={"init_data": data})
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    return signed
