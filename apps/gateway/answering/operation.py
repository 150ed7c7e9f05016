"""Chat completions in the attempt loop, whole and streamed: one upstream call each."""

from collections.abc import Sequence
from functools import partial
from typing import Final, Self

from msgspec import Struct

from apps.core.aside import SIZE, aside
from apps.core.state.contract import Amounts
from apps.gateway.answering.calls import CUT, TEXTS, calls_of, function_of, said_size
from apps.gateway.answering.chunks import ChunkStream, Patience
from apps.gateway.answering.shelf import LARGE_BYTES, Shelf
from apps.gateway.attempts.answers import most_text, whole
from apps.gateway.attempts.counting import Counted, true_usage
from apps.gateway.attempts.settlement import Attempt
from apps.gateway.config import CONFIG
from apps.providers.adapters.chat import codec_for, open_stream, parse
from apps.providers.adapters.shared.caps import answer_cap
from apps.providers.claims import Expected, Size, amounts, claim, token_claim
from apps.providers.errors import UpstreamError
from apps.providers.image_fetch import ImageFetcher, RequestImages, image_count, prepare
from apps.providers.types import ChatRequest, ChatResult, Offer, UpstreamRequest, Usage
from apps.providers.upstream import UpstreamResponse
from apps.providers.verdict import judge_result

UNMEASURED: Final = frozenset({"files", "audio"})
SPOKEN: Final = frozenset({"audio_output"})
OWN_TOOLS: Final = frozenset({"function", "custom"})
"""The others are the provider's: what they bring is in the prompt."""


class WholeAnswer(Struct, frozen=True):
    """A whole answer and its usage, estimated where the upstream gave none."""

    result: ChatResult
    usage: Usage


class _Chat:
    """What whole and streamed completions have in common: one upstream call, so the operation is its own call. `ignored`: fields of the
    client's request that its surface takes and no upstream gets."""

    keeps_part = False

    def __init__(self, chat: ChatRequest, images: ImageFetcher, ignored: Sequence[str] = ()) -> None:
        self._chat = chat
        self._ignored = tuple(ignored)
        self._images = RequestImages(images)
        self._shown = image_count(chat.body) if "vision" in chat.needs else 0
        self._shelf = Shelf(chat.body)
        self.prompt_tokens = chat.prompt_tokens

    def calls(self, _offer: Offer) -> tuple[Self]:
        return (self,)

    def dropped(self, offer: Offer) -> tuple[str, ...]:
        return self._ignored + tuple(codec_for(offer).dropped(self._chat, offer))

    def claim(self, offer: Offer, expected: Expected) -> Amounts:
        chat = self._chat
        cap = answer_cap(chat, offer) if offer.preset.charges_caps else chat.max_tokens
        if not offer.counts:
            return amounts(token_claim(offer, expected.prompt_tokens, cap, expected.answer_tokens))
        size = Size(
            prompt_tokens=expected.prompt_tokens,
            max_tokens=cap,
            answers=answers_of(chat),
            images=self._shown,
            usual=expected.answer_tokens,
        )
        return claim(offer, size)

    async def build(self, offer: Offer) -> UpstreamRequest:
        chat = self._chat
        if "vision" in chat.needs:
            await aside(offer.user_id, self._shelf.bring)
            chat = await prepare(chat, offer, self._images)
        size = SIZE.get() + self._images.size
        return await aside(offer.user_id, partial(self._built, chat, offer), size)

    def _built(self, chat: ChatRequest, offer: Offer) -> UpstreamRequest:
        self._shelf.bring()
        request = codec_for(offer).build(chat, offer)
        if len(request.body) > LARGE_BYTES:
            self._shelf.put_away()
        return request


class ChatWhole(_Chat):
    """A chat completion in one piece; its attempt is settled when it is here."""

    def join(self, answers: list[WholeAnswer]) -> WholeAnswer:
        return answers[0]

    def judged(self, result: ChatResult) -> ChatResult:
        """The answer, if it is one that the client can be given. Raises UpstreamError: another candidate is asked."""
        return judge_result(result)

    def _parsed(self, offer: Offer, body: bytes) -> ChatResult:
        return self.judged(parse(body, self._chat, offer))

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> WholeAnswer:
        result = await whole(response, most_text(), attempt.offer, partial(self._parsed, attempt.offer))
        usage = true_usage(attempt, result.usage, counted(self._chat, _answer_size(result)))
        await attempt.succeed(usage)
        return WholeAnswer(result, usage)


class ChatWholeOfFunctions(ChatWhole):
    """For surfaces that tell of functions alone: an answer that calls anything else is left to the next candidate."""

    def judged(self, result: ChatResult) -> ChatResult:
        result = super().judged(result)
        for choice in result.choices:
            for call in choice["message"].get("tool_calls") or ():
                function_of(call)
        return result


class ChatWholeOfObjects(ChatWhole):
    """For surfaces on which the arguments of a call are an object: an answer in which they are none is left to the next candidate."""

    def judged(self, result: ChatResult) -> ChatResult:
        result = super().judged(result)
        for choice in result.choices:
            calls_of(choice["message"], is_cut=choice.get("finish_reason") == CUT)
        return result


class ChatStreamed(_Chat):
    """A streamed chat completion, up to its first content; the stream's reader settles the attempt."""

    def join(self, answers: list[ChunkStream]) -> ChunkStream:
        return answers[0]

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> ChunkStream:
        patience = Patience(attempt.call.deadline, CONFIG.value.stream_idle_timeout_s, answers_of(self._chat))
        stream = ChunkStream(response, open_stream(self._chat, attempt.offer), patience)
        try:
            if await stream.reach_content():
                attempt.first_byte()
        except UpstreamError:
            stream.close()
            raise
        return stream


def counted(chat: ChatRequest, characters: int) -> Counted:
    """What of a chat with an answer of so many characters tells how many tokens it can have taken."""
    return Counted(
        characters=characters,
        images=_images_of(chat),
        answers=answers_of(chat),
        cap=None if chat.needs & SPOKEN else chat.max_tokens,
    )


def _images_of(chat: ChatRequest) -> int | None:
    """How many; None where the prompt has more than texts and images, or what searches for more."""
    tools = {str(tool.get("type")) for tool in chat.body.get("tools") or ()}
    if chat.needs & UNMEASURED or tools - OWN_TOOLS or any("search" in name for name in chat.body):
        return None
    if "vision" not in chat.needs:
        return 0
    contents = (message.get("content") for message in chat.body["messages"])
    kinds = [part.get("type") for parts in contents if type(parts) is list for part in parts]
    return kinds.count("image_url") if kinds and "video_url" not in kinds else None


def answers_of(chat: ChatRequest) -> int:
    """How many answers the client asked for."""
    n = chat.body.get("n")
    return n if type(n) is int and n > 0 else 1


def _answer_size(result: ChatResult) -> int:
    """Characters of an answer's texts and of what tools are given."""
    size = 0
    for choice in result.choices:
        message = choice["message"]
        size += sum(len(message.get(name) or "") for name in TEXTS)
        size += sum(map(said_size, message.get("tool_calls") or ()))
    return size
