"""A language model behind any OpenAI-compatible address: OpenAI, Ollama, vLLM, OpenRouter, YandexGPT."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Protocol

import httpx2  # the client's own
import structlog

from tg_assistant.errors import Unavailable
from tg_assistant.infra.logging import error_hooks
from tg_assistant.settings.groups import RetrievalSettings

log = structlog.get_logger()

TIMEOUT = 60.0  # for the next bytes
# An answer has one to four sentences; whatever stands behind the address, these end it.
MAX_TOKENS = 1_500
MAX_CHARACTERS = 8_000
MAX_BYTES = 4 * 1024 * 1024  # of the response, which tells more than its text; a line may have no end
ANSWER_SECONDS = 90.0


class Llm(Protocol):
    """Writes an answer word by word."""

    def stream(self, system: str, prompt: str) -> AsyncGenerator[str]:
        """Pieces of the answer as they come. Raises `Unavailable`, at the start or midway.

        Too long an answer is none, in characters, bytes or seconds.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class _TooLong(Exception):
    """The model does not come to an end."""


class _Bounded(httpx2.AsyncByteStream):
    """A response's bytes, up to as many as an answer may have."""

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
    """Raises _TooLong for what is packed although it was asked not to be: nobody knows how much it holds."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _TooLong("packed")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _Bounded(response.stream)


class OpenAILlm:
    """The chat-completions call, streamed."""

    def __init__(self, *, base_url: str, api_key: str, model: str) -> None:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        self._model = model
        configured = DefaultAsyncHttpxClient(
            follow_redirects=False,  # posts go nowhere but where it was said
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [_bound]},
        )
        self._client = AsyncOpenAI(
            base_url=base_url, api_key=api_key, timeout=TIMEOUT, max_retries=1, http_client=configured
        )

    async def stream(self, system: str, prompt: str) -> AsyncGenerator[str]:
        """Temperature 0: the same sources should give the same answer."""
        from openai import OpenAIError

        ends = asyncio.get_running_loop().time() + ANSWER_SECONDS
        length = 0
        try:
            async with aclosing(self._pieces(system, prompt)) as pieces:
                while True:
                    async with asyncio.timeout_at(ends):  # never around a yield: it would end the reader
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
    """The model of `LLM_BASE_URL`; without it answers are extractive."""
    if not settings.llm_base_url:
        return None
    key = settings.llm_api_key
    return OpenAILlm(
        base_url=settings.llm_base_url,
        api_key=key.get_secret_value() if key else "none",
        model=settings.llm_model,
    )
