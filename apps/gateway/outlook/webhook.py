"""A signed POST to the address that an operator configured, by the rules of egress: public hosts only, pinned to what was checked."""

import asyncio
import hmac
from hashlib import sha256
from ipaddress import ip_address
from typing import Final

import httpx

from apps.providers.egress import ForbiddenTargetError, checked_target, guarded_client, is_public

TOTAL_S: Final = 10.0
CONNECT_S: Final = 3.0
SIGNATURE: Final = "x-freeai-signature"


class DeliveryError(Exception):
    """A notice that did not arrive. The message names neither address nor secret."""


def why_not(url: str) -> str:
    """Why nothing is ever posted there, in words; "" where it may be. What the host's name resolves to is checked at each call."""
    try:
        host, _ = checked_target(httpx.URL(url))
    except ForbiddenTargetError as error:
        return f"Cannot be called: {error}."
    except (httpx.InvalidURL, UnicodeError):
        return "Must be a URL."
    try:
        return "" if is_public(ip_address(host)) else "Cannot be called: it is no public address."
    except ValueError:
        return ""


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=<epoch seconds>,v1=<hex>`: the HMAC-SHA256 of the time, a dot and the body."""
    digest = hmac.new(secret.encode(), b"%d." % at + body, sha256)
    return f"t={at},v1={digest.hexdigest()}"


class Webhook:
    """Posts notices. One for a gateway, closed when it stops."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport | None = None, *, total_s: float = TOTAL_S
    ) -> None:
        """`transport`: tests pass a GuardedTransport with a resolver of theirs; None makes the strict one at the first post."""
        self._transport = transport
        self._total_s = total_s
        self._client: httpx.AsyncClient | None = None

    async def post(self, url: str, body: bytes, *, secret: str, at: int) -> None:
        """Done when the receiver has answered 2xx, within 10 s; nothing of its answer is read. Raises DeliveryError."""
        headers = {
            "content-type": "application/json",
            "user-agent": "FreeAI",
            SIGNATURE: signature(secret, at, body),
        }
        try:
            async with asyncio.timeout(self._total_s):
                async with self._get_client().stream("POST", url, content=body, headers=headers) as answer:
                    accepted, status = answer.is_success, answer.status_code
        except (TimeoutError, httpx.TimeoutException) as error:
            raise DeliveryError(f"it took longer than {self._total_s:g} s") from error
        except ForbiddenTargetError as error:
            raise DeliveryError(str(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise DeliveryError("the connection failed") from error
        if not accepted:
            raise DeliveryError(f"it answered {status}")

    async def aclose(self) -> None:
        """Close what is open."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _get_client(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = guarded_client(self._transport, total_s=self._total_s, connect_s=CONNECT_S)
        return self._client
