"""Chats through the adapters with the strict fake upstream, over a socket, by the shipped catalogue's data."""

from typing import Any

import aiohttp
from msgspec import structs

from apps.providers.adapters import wire_for
from apps.providers.adapters.chat import codec_for
from apps.providers.catalogue_files import read_catalogue
from apps.providers.presets import parse_preset
from apps.providers.types import Offer
from fakes import FakeUpstream
from tests.factories import make_offer, make_request
from tests.providers.cohere_wire import put_together, taken_apart

CATALOGUE = {entry.name: entry for entry in read_catalogue()}


def offer_of(fake: FakeUpstream, provider: str, model: str, *capabilities: str) -> Offer:
    """The catalogue's offer, at the fake's address; a model that it does not have gets `capabilities`."""
    entry = CATALOGUE[provider]
    known = [each.capabilities for each in entry.models if each.name == model]
    offer = make_offer(
        provider=provider,
        model=model,
        preset=parse_preset(entry.wire),
        base_url=fake.url(provider),
        capabilities=frozenset(known[0] if known else capabilities),
    )
    return structs.replace(offer, preset=offer.preset.for_model(model))


async def ask(
    http: aiohttp.ClientSession,
    offer: Offer,
    messages: list[dict[str, Any]],
    *,
    stream: bool = False,
    **body: Any,
) -> tuple[dict[str, Any], str | None, Any]:
    """(message, finish reason, usage) of the answer, the message without its role. Raises UpstreamError."""
    codec = codec_for(offer)
    call = codec.build(make_request(body={"messages": messages, **body}, stream=stream), offer)
    async with http.post(call.url, data=call.body, headers=call.headers) as response:
        if response.status != 200:
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise wire_for(offer).parse_error(response.status, headers, await response.read(), offer)
        if not stream:
            return taken_apart(codec.parse(await response.read(), offer))
        reader = codec.open_stream(offer)
        chunks = [chunk async for data in response.content.iter_any() for chunk in reader.feed(data)]
        return put_together([*chunks, *reader.finish()])
