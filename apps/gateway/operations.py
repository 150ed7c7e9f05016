"""What the attempt loop needs to know of an endpoint: what to reserve, what to send, and what of the answer to wait for."""

from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

from msgspec import Struct

from apps.gateway.calls import Call
from apps.gateway.settlement import Attempt
from apps.providers.adapters import adapter_for
from apps.providers.adapters.base import ChatStream
from apps.providers.quotas import token_claim
from apps.providers.types import ChatChunk, ChatResult, Offer, UpstreamRequest, UpstreamResponse, Usage
from apps.providers.verdict import StreamVerdict, judge_result

T_co = TypeVar("T_co", covariant=True)


class Operation(Protocol[T_co]):
    """One endpoint's side of an attempt."""

    stream: bool

    def claim(self, offer: Offer) -> int:
        """Tokens to reserve."""
        ...

    def build(self, offer: Offer) -> UpstreamRequest:
        """The upstream call. Raises UpstreamError."""
        ...

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> T_co:
        """The answer, or as much of it as decides the attempt. Raises UpstreamError."""
        ...


class OpenStream(Struct):
    """A stream that has shown its first content: `first` are the chunks read so far, `chunks` the rest of the body.

    `over`: it ended without any, and rightly so (a tiny `max_tokens`); `first` is all there is.
    """

    attempt: Attempt
    response: UpstreamResponse
    parser: ChatStream
    chunks: AsyncIterator[bytes]
    first: list[ChatChunk]
    over: bool = False


class WholeAnswer(Struct, frozen=True):
    """A whole answer and its usage, estimated where the upstream gave none."""

    result: ChatResult
    usage: Usage


class ChatWhole:
    """A chat completion in one piece; its attempt is settled when it is here."""

    stream = False

    def __init__(self, call: Call) -> None:
        self._chat = call.chat

    def claim(self, offer: Offer) -> int:
        return token_claim(offer, self._chat.prompt_tokens, self._chat.max_tokens)

    def build(self, offer: Offer) -> UpstreamRequest:
        return adapter_for(offer).build_chat(self._chat, offer)

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> WholeAnswer:
        body = await response.read()
        attempt.first_byte()
        result = judge_result(adapter_for(attempt.offer).parse_chat(body, attempt.offer))
        usage = result.usage or attempt.estimate(_answer_size(result))
        await attempt.succeed(usage)
        return WholeAnswer(result, usage)


class ChatStreamed:
    """A streamed chat completion, up to its first content; the stream's reader settles the attempt."""

    stream = True

    def __init__(self, call: Call) -> None:
        self._chat = call.chat

    def claim(self, offer: Offer) -> int:
        return token_claim(offer, self._chat.prompt_tokens, self._chat.max_tokens)

    def build(self, offer: Offer) -> UpstreamRequest:
        return adapter_for(offer).build_chat(self._chat, offer)

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> OpenStream:
        parser = adapter_for(attempt.offer).open_stream(attempt.offer)
        verdict = StreamVerdict()
        body = response.chunks()
        first: list[ChatChunk] = []
        async for data in body:
            chunks = parser.feed(data)
            first += chunks
            if "content" in {verdict.see(chunk) for chunk in chunks}:
                attempt.first_byte()
                return OpenStream(attempt, response, parser, body, first)
            if parser.done:
                break
        first += parser.finish()
        verdict.end()
        return OpenStream(attempt, response, parser, body, first, over=True)


def _answer_size(result: ChatResult) -> int:
    """Characters of an answer's texts and tool arguments."""
    size = 0
    for choice in result.choices:
        message = choice["message"]
        size += len(message.get("content") or "") + len(message.get("reasoning_content") or "")
        size += sum(len(call["function"]["arguments"]) for call in message.get("tool_calls") or ())
    return size
