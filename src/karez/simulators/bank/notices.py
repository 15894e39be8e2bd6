"""Tells who gave an order how it ended, without waiting for anybody."""

import asyncio
import logging
from urllib.parse import urlsplit

import httpx
import msgspec

from karez.services.payments.banks.messages import Standing
from karez.services.payments.banks.signatures import signed_request

_LIMIT_S = 5.0
_TRIES = 3
_PAUSE_S = 0.2

_logger = logging.getLogger(__name__)


class Notifier:
    """Posts notices; used by one event loop.

    Args:
        secret: Signs them.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._client: httpx.AsyncClient | None = None
        self._sending: set[asyncio.Task[None]] = set()

    def tell(self, url: str, standing: Standing, times: int) -> None:
        """Post a standing so many times, in the background."""
        for _ in range(times):
            task = asyncio.create_task(self._tell(url, msgspec.json.encode(standing)))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def close(self) -> None:
        """Give up what is not sent yet."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _tell(self, url: str, body: bytes) -> None:
        self._client = self._client or httpx.AsyncClient(timeout=_LIMIT_S, trust_env=False)
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        for _ in range(_TRIES):
            headers = {
                **signed_request(self._secret, "POST", target, body),
                "content-type": "application/json",
            }
            try:
                answer = await self._client.post(url, content=body, headers=headers)
            except httpx.HTTPError as error:
                _logger.info("A notice was not taken: %s", error)
            else:
                if answer.is_success:
                    return
            await asyncio.sleep(_PAUSE_S)
