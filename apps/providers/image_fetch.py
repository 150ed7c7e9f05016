"""Images by URL, for providers that take them only inline.

`prepare` is the step between choosing a candidate and building its call. The network part is `ImageFetcher`, one per process; what one
request fetched is kept in its `RequestImages`, so that a second candidate does not fetch again and no tenant sees another's images.
"""

import asyncio
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import httpx
from msgspec import structs

from apps.core.aside import aside
from apps.core.fair_turns import FairTurns
from apps.core.json_types import JSONObject
from apps.providers.adapters import wire_for
from apps.providers.adapters.shared.values import as_dict, as_list, as_text
from apps.providers.egress import ForbiddenTargetError, guarded_client
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import ChatRequest, Offer

MEGABYTE: Final = 1024 * 1024
MAX_IMAGE_BYTES: Final = 10 * MEGABYTE
MAX_TOTAL_BYTES: Final = 20 * MEGABYTE  # of one request: what Gemini takes inline
MAX_IMAGES: Final = 16
MAX_REDIRECTS: Final = 3
MAX_AT_ONCE: Final = 8  # in the process: up to 80 MB while they arrive
MAX_OF_A_USER: Final = 4
TOTAL_S: Final = 10.0
CONNECT_S: Final = 3.0
# identity: what is not compressed cannot grow in memory.
HEADERS: Final = {"accept": "image/*", "accept-encoding": "identity", "user-agent": "FreeAI"}

SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
HEIF_BRANDS: Final = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "image/heic"),
    **dict.fromkeys((b"mif1", b"msf1"), "image/heif"),
}


class FetchError(Exception):
    """An image that could not be had. The message completes "The image could not be fetched: …" and names no address."""


class ImageFetcher:
    """Fetches images from public hosts. One per process, closed at shutdown."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport | None = None, *, total_s: float = TOTAL_S
    ) -> None:
        """`transport`: tests pass a GuardedTransport with a resolver of theirs; None makes the strict one at the first fetch."""
        self._transport = transport
        self._total_s = total_s
        self._client: httpx.AsyncClient | None = None
        self._turns: FairTurns[int] = FairTurns(MAX_AT_ONCE, MAX_OF_A_USER)

    async def fetch(self, url: str, user_id: int) -> str:
        """The image as a data: URI, its type by its first bytes. Raises FetchError.

        At most 10 MB and 3 redirects within 10 s, everything included; waiting for a turn, of which each user has a fair share, does not
        count.
        """
        async with self._turns.turn(user_id):
            try:
                async with asyncio.timeout(self._total_s):
                    return _data_uri(await self._follow(httpx.URL(url)))
            except (TimeoutError, httpx.TimeoutException) as error:
                raise FetchError(f"it took longer than {self._total_s:g} s") from error
            except ForbiddenTargetError as error:
                raise FetchError(str(error)) from error
            except (httpx.InvalidURL, UnicodeError) as error:
                raise FetchError("the URL is not valid") from error
            except httpx.HTTPError as error:
                raise FetchError("the connection failed") from error

    async def aclose(self) -> None:
        """Close what is open."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _follow(self, url: httpx.URL) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            async with self._get_client().stream("GET", url, headers=HEADERS) as response:
                if not response.has_redirect_location:
                    return await _read(response)
                url = url.join(response.headers["location"])
        raise FetchError(f"it redirects more than {MAX_REDIRECTS} times")

    def _get_client(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = guarded_client(self._transport, total_s=self._total_s, connect_s=CONNECT_S)
        return self._client


class RequestImages:
    """The images of one client request: each URL is fetched once, whatever number of candidates needs it. `size`: characters of their
    data: URIs together."""

    def __init__(self, fetcher: ImageFetcher) -> None:
        self._fetcher = fetcher
        self._outcomes: dict[str, str | FetchError] = {}
        self.size = 0

    async def outcomes(self, urls: Sequence[str], user_id: int) -> Mapping[str, str | FetchError]:
        """A data: URI for each URL, or why there is none."""
        missing = [url for url in urls if url not in self._outcomes]
        await asyncio.gather(*(self._fetch(url, user_id) for url in missing))
        return self._outcomes

    async def _fetch(self, url: str, user_id: int) -> None:
        try:
            self._outcomes[url] = self._admitted(await self._fetcher.fetch(url, user_id))
        except FetchError as error:
            self._outcomes[url] = error

    def _admitted(self, uri: str) -> str:
        """`uri`, unless the request's images become too large with it. Raises FetchError."""
        if (self.size + len(uri)) * 3 // 4 > MAX_TOTAL_BYTES:  # base64 is a third longer
            raise FetchError(
                f"the request's images are larger than {MAX_TOTAL_BYTES // MEGABYTE} MB together"
            )
        self.size += len(uri)
        return uri


async def prepare(request: ChatRequest, offer: Offer, images: RequestImages) -> ChatRequest:
    """`request` as `offer` can take it: with its images inline where the provider fetches none itself.

    Raises UpstreamError(REFUSED): another candidate may be given the URL as it is.
    """
    if not takes_only_inline(offer) or "vision" not in request.needs:
        return request
    urls = await aside(offer.user_id, partial(image_urls, request.body))
    if not urls:
        return request
    if len(urls) > MAX_IMAGES:
        raise _unfetched(request.body, urls[MAX_IMAGES], f"there are more than {MAX_IMAGES}")
    outcomes = await images.outcomes(urls, offer.user_id)
    data: dict[str, str] = {}
    for url in urls:
        outcome = outcomes[url]
        if isinstance(outcome, FetchError):
            raise _unfetched(request.body, url, str(outcome)) from outcome
        data[url] = outcome
    return structs.replace(request, body=await aside(offer.user_id, partial(inlined, request.body, data)))


def takes_only_inline(offer: Offer) -> bool:
    """Whether the provider refuses images by URL."""
    return offer.preset.inline_images or wire_for(offer).inline_images


def image_count(body: Mapping[str, Any]) -> int:
    """How many images a chat shows, wherever they lie."""
    contents = (message.get("content") for message in as_list(body.get("messages")))
    return sum(part.get("type") == "image_url" for parts in contents if type(parts) is list for part in parts)


def image_urls(body: Mapping[str, Any]) -> list[str]:
    """The http(s) URLs of images in a chat request, each once, in order."""
    return list(dict.fromkeys(url for _, _, url in _linked_images(body)))


def inlined(body: Mapping[str, Any], data: Mapping[str, str]) -> JSONObject:
    """A copy of `body` with the image URLs that `data` knows replaced by its data: URIs; `body` stays as it is."""
    messages = list(body.get("messages") or ())
    for index, position, url in _linked_images(body):
        if url not in data:
            continue
        content = list(messages[index]["content"])
        link = content[position]["image_url"]
        content[position] = content[position] | {
            "image_url": data[url] if isinstance(link, str) else link | {"url": data[url]}
        }
        messages[index] = messages[index] | {"content": content}
    return {**body, "messages": messages}


def _linked_images(body: Mapping[str, Any]) -> Iterator[tuple[int, int, str]]:
    """(message, part, URL) of every image that is an http(s) link: an object's `url`, or the string that some clients send."""
    for index, message in enumerate(as_list(body.get("messages"))):
        for position, part in enumerate(as_list(as_dict(message).get("content"))):
            fields = as_dict(part)
            if fields.get("type") == "image_url":
                link = fields.get("image_url")
                url = link if isinstance(link, str) else as_text(as_dict(link).get("url"))
                if url[:8].lower().startswith(("http://", "https://")):
                    yield index, position, url


def _unfetched(body: Mapping[str, Any], url: str, reason: str) -> UpstreamError:
    places = (
        f"messages[{i}].content[{j}].image_url.url" for i, j, found in _linked_images(body) if found == url
    )
    return UpstreamError(
        ErrorKind.REFUSED,
        f"The image could not be fetched: {reason}.",
        param=next(places),
    )


async def _read(response: httpx.Response) -> bytes:
    """The body of a 200. Raises FetchError."""
    if response.status_code != httpx.codes.OK:
        raise FetchError(f"its server answered with status {response.status_code}")
    body = bytearray()
    async for data in response.aiter_raw():
        body += data
        if len(body) > MAX_IMAGE_BYTES:
            raise FetchError(f"it is larger than {MAX_IMAGE_BYTES // MEGABYTE} MB")
    return bytes(body)


def _data_uri(image: bytes) -> str:
    kind = image_type(image)
    if kind is None:
        raise FetchError("it is no PNG, JPEG, WebP, GIF or HEIC image")
    return f"data:{kind};base64,{b64encode(image).decode()}"


def image_type(image: bytes) -> str | None:
    """The media type by the first bytes, whatever a server claims; None for what models do not take."""
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    if image[4:8] == b"ftyp":
        return HEIF_BRANDS.get(image[8:12])
    return next((kind for signature, kind in SIGNATURES if image.startswith(signature)), None)
