"""A language model behind any OpenAI-compatible address: OpenAI, Ollama, vLLM, OpenRouter, YandexGPT."""

from collections.abc import AsyncIterator
from typing import Protocol

import httpx
import structlog

from tg_assistant.errors import Unavailable
from tg_assistant.infra.logging import error_hooks
from tg_assistant.settings.groups import RetrievalSettings

log = structlog.get_logger()

TIMEOUT = 60.0


class Llm(Protocol):
    """Writes an answer word by word."""

    def stream(self, system: str, prompt: str) -> AsyncIterator[str]:
        """Pieces of the answer as they come. Raises `Unavailable`, at the start or midway."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class OpenAILlm:
    """The chat-completions call, streamed."""

    def __init__(self, *, base_url: str, api_key: str, model: str) -> None:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        self._model = model
        configured = DefaultAsyncHttpxClient(follow_redirects=False)  # posts go nowhere but where it was said
        self._client = AsyncOpenAI(
            base_url=base_url, api_key=api_key, timeout=TIMEOUT, max_retries=1, http_client=configured
        )

    async def stream(self, system: str, prompt: str) -> AsyncIterator[str]:
        """Temperature 0: the same sources should give the same answer."""
        from openai import OpenAIError

        try:
            pieces = await self._client.chat.completions.create(
                model=self._model,
                messages=[{"role": "system", "content": system}, {"role": "user", "content": prompt}],
                temperature=0,
                stream=True,
            )
            async for piece in pieces:
                if piece.choices and (text := piece.choices[0].delta.content):
                    yield text
        except (OpenAIError, httpx.HTTPError) as error:  # httpx's own when a stream breaks midway
            log.warning("llm.failed", model=self._model, reason=error_hooks.told(error))
            raise Unavailable("llm.unavailable", retry_after=5) from error

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
