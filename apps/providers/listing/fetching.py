"""Free calls with a user's key: the pages of a model list, and what is told of the account. Blocks; never on the request path.

What answers is hostile: pages, entries, bytes, values and time have bounds, redirects are refusals, and a link leads nowhere but to the
same server.
"""

from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

from msgspec import Struct

from apps.core import clock
from apps.providers.adapters import wire_for
from apps.providers.blocking_calls import MAX_ANSWER_BYTES, call
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.listing.reading import MAX_MODELS, entries
from apps.providers.listing.tables import Listing, Paging, values
from apps.providers.probe import json_of
from apps.providers.types import Offer, UpstreamRequest

MAX_PAGES: Final = 30
MAX_ENTRIES: Final = 5 * MAX_MODELS
MAX_LINK: Final = 2_000


class Pages(Struct, frozen=True):
    """The entries of a model list, page by page. `is_whole`: the last page said that it was the last."""

    pages: list[list[Any]]
    is_whole: bool


class Caller:
    """Calls with one key, all of them within `timeout_s` and MAX_ANSWER_BYTES."""

    def __init__(self, offer: Offer, timeout_s: float) -> None:
        self._offer = offer
        self._deadline = clock.monotonic() + timeout_s
        self._bytes_left = MAX_ANSWER_BYTES
        self._headers = wire_for(offer).headers(offer) | {"accept": "application/json"}
        del self._headers["content-type"]  # there is no content

    def get(self, url: str) -> Any:
        """The JSON of a 200. Raises UpstreamError."""
        request = UpstreamRequest(url=url, headers=self._headers, body=b"", method="GET")
        answer = call(request, self._deadline - clock.monotonic(), self._bytes_left)
        self._bytes_left -= len(answer.body)
        if not answer.is_ok:
            raise wire_for(self._offer).parse_error(answer.status, answer.headers, answer.body, self._offer)
        return json_of(answer.body, self._offer)


def fetch_list(offer: Offer) -> Pages:
    """All pages of the list. Raises UpstreamError when any of them cannot be read."""
    listing = offer.preset.listing
    url = address(offer, listing.url)
    caller = Caller(offer, listing.timeout_s)
    pages: list[list[Any]] = []
    seen: set[str] = set()
    while url and url not in seen and len(pages) < MAX_PAGES:
        seen.add(url)
        document = caller.get(url)
        found = entries(document, listing)
        if found is None:
            raise UpstreamError(ErrorKind.PARSING, "the answer is no list of models")
        pages.append(found)
        if sum(map(len, pages)) > MAX_ENTRIES:
            return Pages(pages, is_whole=False)
        url = _next(document, found, url, len(pages), listing)
    return Pages(pages, is_whole=not url)


def fetch_account(offer: Offer) -> Any:
    """What the provider tells of the account. Raises UpstreamError."""
    table = offer.preset.account
    return Caller(offer, table.timeout_s).get(address(offer, table.url))


def address(offer: Offer, url: str) -> str:
    """Where `url` of a table leads. Raises UpstreamError."""
    try:
        return urljoin(offer.base_url.rstrip("/") + "/", url)
    except ValueError as error:
        raise UpstreamError(ErrorKind.NETWORK, "the base URL is not usable") from error


def _next(document: Any, found: list[Any], url: str, read: int, listing: Listing) -> str:
    """The address of the next page, "" behind the last."""
    paging = listing.paging
    if paging.kind == "link":
        link = _told(document, paging)
        return _within(link, url) if link else ""
    if paging.kind == "token":
        token = _told(document, paging)
        return _with(url, paging.parameter, token) if token else ""
    if paging.kind == "none" or len(found) < paging.size:
        return ""
    return _with(url, paging.parameter, str(read + 1 if paging.kind == "page" else read * paging.size))


def _told(document: Any, paging: Paging) -> str:
    """What leads to the next page, "" where nothing does. Raises UpstreamError."""
    told = next((value for value in values(document, paging.next) if value), "")
    if not isinstance(told, str) or len(told) > MAX_LINK:
        raise UpstreamError(ErrorKind.PARSING, "the list says how it goes on in a way that cannot be used")
    return told


def _within(link: str, url: str) -> str:
    """The address of `link` on the same server as `url`: the key goes to no other. Raises UpstreamError."""
    try:
        found = urljoin(url, link)
        there, here = urlsplit(found), urlsplit(url)
    except ValueError as error:
        raise UpstreamError(ErrorKind.PARSING, "the list goes on at no address") from error
    if (there.scheme, there.netloc) != (here.scheme, here.netloc):
        raise UpstreamError(ErrorKind.PARSING, "the list goes on at another server")
    return found


def _with(url: str, parameter: str, value: str) -> str:
    """`url` with this value of the parameter, and the others as they were."""
    parts = urlsplit(url)
    others = [pair for pair in parts.query.split("&") if pair and not pair.startswith(f"{parameter}=")]
    return parts._replace(query="&".join([*others, urlencode({parameter: value})])).geturl()
