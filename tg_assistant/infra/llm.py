"""A language model at any OpenAI-compatible endpoint: OpenAI, Ollama, vLLM, OpenRouter, YandexGPT."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Protocol

import httpx2  # the HTTP library that the openai client uses
import structlog

from tg_assistant.errors import Unavailable
from tg_assistant.infra.logging import error_hooks
from tg_assistant.settings.groups import RetrievalSettings

log = structlog.get_logger()

TIMEOUT = 60.0  # seconds until the next bytes
# Limits of an answer, which should have one to four sentences, whatever the endpoint sends.
MAX_TOKENS = 1_500
MAX_CHARACTERS = 8_000
MAX_BYTES = 4 * 1024 * 1024  # of the response, which contains more than the text and may have endless lines
ANSWER_SECONDS = 90.0


class Llm(Protocol):
    """A language model that streams answers."""

    def stream(self, system: str, prompt: str) -> AsyncGenerator[str]:
        """Yield pieces of the answer as they arrive. Raises `Unavailable`, at the start or midway.

        An answer that exceeds the limits of characters, bytes or seconds raises it, too.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class _TooLong(Exception):
    """The answer exceeds a limit."""


class _Bounded(httpx2.AsyncByteStream):
    """A response's bytes; raises _TooLong beyond MAX_BYTES."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        async for some in self._stream:
            taken += len(some)
            if taken > MAX_BYTES:
                raise _TooLong("bytes")
            yield some

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound(response: httpx2.Response) -> None:
    """Limit a response's size. Raises _TooLong for a compressed one, whose content has an unknown size."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _TooLong("packed")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _Bounded(response.stream)


class OpenAILlm:
    """Streams answers from the chat-completions endpoint."""

    def __init__(self, *, base_url: str, api_key: str, model: str) -> None:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        self._model = model
        configured = DefaultAsyncHttpxClient(
            follow_redirects=False,  # posts are sent to the configured host only
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [_bound]},
        )
        self._client = AsyncOpenAI(
            base_url=base_url, api_key=api_key, timeout=TIMEOUT, max_retries=1, http_client=configured
        )

    async def stream(self, system: str, prompt: str) -> AsyncGenerator[str]:
        """Yield pieces of the answer; at temperature 0, so that the same sources yield the same answer."""
        from openai import OpenAIError

        ends = asyncio.get_running_loop().time() + ANSWER_SECONDS
        length = 0
        try:
            async with aclosing(self._pieces(system, prompt)) as pieces:
                while True:
                    async with asyncio.timeout_at(ends):  # never around a yield: it would cancel the consumer
                        piece = await anext(pieces, None)
                    if piece is None:
                        return
                    length += len(piece)
                    if length > MAX_CHARACTERS:
                        raise _TooLong("characters")
                    yield piece
        except (OpenAIError, httpx2.HTTPError, TimeoutError, _TooLong) as error:
            log.warning("llm.failed", model=self._model, reason=error_hooks.told(error))
            raise Unavailable("llm.unavailable", retry_after=5) from error

    async def _pieces(self, system: str, prompt: str) -> AsyncGenerator[str]:
        pieces = await self._client.chat.completions.create(
            model=self._model,
            messages=[{"role": "system", "content": system}, {"role": "user", "content": prompt}],
            temperature=0,
            max_tokens=MAX_TOKENS,
            stream=True,
        )
        async with pieces:  # closes the connection, however it ends
            async for piece in pieces:
                if piece.choices and (text := piece.choices[0].delta.content):
                    yield text

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def open_llm(settings: RetrievalSettings) -> Llm | None:
    """Return the model at `LLM_BASE_URL`, or None without one: answers are extractive then."""
    if not settings.llm_base_url:
        return None
    key = settings.llm_api_key
    return OpenAILlm(
        base_url=settings.llm_base_url,
        api_key=key.get_secret_value() if key else "none",
        model=settings.llm_model,
    )
