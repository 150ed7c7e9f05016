"""The contract of a wire family. Adapters are pure: bytes and types in, bytes and types out; no I/O, no clock, no Django."""

from collections.abc import Mapping
from typing import Protocol

from apps.providers.errors import UpstreamError
from apps.providers.types import ChatChunk, ChatRequest, ChatResult, Offer, UpstreamRequest


class ChatStream(Protocol):
    """Reads one streamed answer. Stateful; made new for each attempt. `done`: the answer is complete, whatever else the body may hold."""

    done: bool

    def feed(self, data: bytes) -> list[ChatChunk]:
        """The chunks that `data` completes, whatever its split. Raises UpstreamError: parsing (5 malformed frames in a row),
        server_error (an error frame), …"""
        ...

    def finish(self) -> list[ChatChunk]:
        """What is left at the end of the body. Raises UpstreamError(NETWORK) when the answer was cut short."""
        ...


class Adapter(Protocol):
    """Translates to and from one wire format."""

    def build_chat(self, request: ChatRequest, offer: Offer) -> UpstreamRequest:
        """The upstream call for this request. Raises UpstreamError(CLIENT_ERROR, candidate_only=True) when the wire cannot say it."""
        ...

    def parse_chat(self, body: bytes, offer: Offer) -> ChatResult:
        """A whole 200 answer. Raises UpstreamError: parsing, server_error (a 200 that wraps an error). Content is not judged here:
        `apps.providers.verdict.judge_result` finds empty and filtered answers for all wires."""
        ...

    def open_stream(self, offer: Offer) -> ChatStream: ...

    def parse_error(
        self, status: int, headers: Mapping[str, str], body: bytes, offer: Offer
    ) -> UpstreamError:
        """Classify an answer that is not 2xx (providers' documented codes and statuses; never by substring where a code exists)."""
        ...

    def dropped(self, request: ChatRequest, offer: Offer) -> tuple[str, ...]:
        """Names of the request's fields that do not reach the upstream, in the request's order. A name may be the client's own and
        hold anything: what shows it, bounds and masks it."""
        ...
