"""What the attempt loop reads of an upstream's answer beside the answer itself, and how long it waits for parts of it."""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from django.conf import settings
from msgspec import Struct

from apps.core import clock
from apps.core.aside import aside
from apps.core.json_bounds import MAX_DEPTH, holds_more_values, nests_deeper
from apps.core.state.keys import provider_key
from apps.gateway.config import CONFIG
from apps.gateway.runtime import Runtime
from apps.providers.adapters import wire_for
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.limit_headers import reported
from apps.providers.tasks import Demand
from apps.providers.types import Offer
from apps.providers.upstream import Timeouts, UpstreamResponse

T = TypeVar("T")

MAX_ERROR_BYTES = 64 * 1024
MAX_VALUES: Final = 1_000_000
"""Of a whole answer. 4,000 tokens with the log probabilities of twenty others each have some 900,000; decoded they take about 90 MB."""


class Most(Struct, frozen=True):
    """How much an answer may be: bytes, and JSON values in them, which cost twenty times that once they are decoded."""

    size: int
    values: int = MAX_VALUES


def most_text() -> Most:
    """Of an answer that is text: a chat's, a transcript."""
    return Most(settings.FREEAI_MAX_ANSWER_BYTES)


def most_media() -> Most:
    """Of an answer that is images or speech."""
    return Most(settings.FREEAI_MAX_MEDIA_BYTES)


async def whole(response: UpstreamResponse, most: Most, offer: Offer, parse: Callable[[bytes], T]) -> T:
    """What `parse` makes of the body, which is no more than it may be; beside the loop where it is large. Raises UpstreamError."""
    body = await response.read(most.size)
    return await aside(offer.user_id, partial(_parsed, body, most, parse), len(body))


def _parsed(body: bytes, most: Most, parse: Callable[[bytes], T]) -> T:
    if holds_more_values(body, most.values):
        raise UpstreamError(
            ErrorKind.PARSING, f"The upstream's answer holds more than {most.values} JSON values."
        )
    if nests_deeper(body):
        raise UpstreamError(ErrorKind.PARSING, f"The upstream's answer nests deeper than {MAX_DEPTH} levels.")
    return parse(body)


async def take_over_limits(
    runtime: Runtime, offer: Offer, response: UpstreamResponse, sent_at: float
) -> None:
    """What the upstream says is left, where that is less than we believe, and what time it is there."""
    now = clock.now()
    if skew := runtime.clocks.heard(offer.provider, response.headers.get("date"), sent_at, now):
        owner = provider_key(offer.provider)
        await runtime.see_through(lambda: runtime.store.set_clock(owner, skew, now))
    if reports := reported(response.headers, offer, now):
        await runtime.see_through(lambda: runtime.store.tighten(reports, now))


async def refusal_of(offer: Offer, response: UpstreamResponse) -> UpstreamError:
    """What an answer that is none says."""
    body = await response.read_beginning(MAX_ERROR_BYTES)
    return wire_for(offer).parse_error(response.status, response.headers, body, offer)


def timeouts(demand: Demand) -> Timeouts:
    """Of the connection, and of each read."""
    config = CONFIG.value
    return Timeouts(
        config.connect_timeout_s, config.stream_idle_timeout_s if demand.stream else config.response_timeout_s
    )
