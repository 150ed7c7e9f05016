"""ChatChunks -> Anthropic's events: message_start, each block from its start to its stop, message_delta, message_stop.

One block is open at a time, in the order in which blocks began; what an upstream says of a later one meanwhile is held back. A block
ends before the end of the answer only to let text or a thought through: Claude Code repeats a stream that broke off as long as no block
of it has ended, and gives the whole run up after that (2.1.197, 2026-11). So calls behind something else come when they are whole.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.answering.arguments import Arguments
from apps.gateway.answering.calls import CUT, function_of
from apps.gateway.endpoints.messages.wire.response import NOTHING, message_of, stop_reason, usage_of
from apps.gateway.endpoints.messages.wire.signatures import Signing
from apps.providers.types import ChatChunk, Usage

CALL: Final = "tool_use"
PING: Final = b'event: ping\ndata: {"type":"ping"}\n\n'
TEXTS: Final = (("reasoning_content", "thinking"), ("content", "text"), ("refusal", "text"))
DELTAS: Final = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}


def event(kind: str, **members: Any) -> bytes:
    """One event; its name is its type."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), orjson.dumps({"type": kind, **members}))


class _Block:
    """A content block: `head` is what its start says, `held` what cannot be sent yet."""

    __slots__ = ("arguments", "head", "held", "kind", "signing")

    def __init__(self, head: JSONObject, signing: Signing | None = None) -> None:
        self.kind: str = head["type"]
        self.head = head
        self.held: list[str] = []
        self.arguments = Arguments() if self.kind == CALL else None
        self.signing = signing

    def take(self, text: str) -> str:
        """What of a piece is to be sent. Raises UpstreamError(PARSING)."""
        if self.signing is not None:
            self.signing.feed(text)
        return text if self.arguments is None else self.arguments.feed(text)


class EventWriter:
    """Renders one stream: `frames` for every batch of chunks, `end` once.

    `prompt_tokens`: an estimate for the beginning; the end has the true usage. `shown_to` as in `response.whole`. `last`: FreeAI's own
    members of message_delta, asked for when it is written.
    """

    def __init__(
        self, members: JSONObject, prompt_tokens: int, shown_to: int | None, last: Callable[[], JSONObject]
    ) -> None:
        usage = usage_of(Usage(prompt_tokens, 1))
        self._start = event("message_start", message=message_of(members, [], stop_reason=None, usage=usage))
        self._shown_to = shown_to
        self._last = last
        self._blocks: deque[_Block] = deque()
        self._calls: dict[int, _Block] = {}
        self._index = 0
        self._is_open = False
        self._finish: str | None = None
        self.usage: Usage | None = None
        self.characters = 0

    @property
    def alive(self) -> bytes:
        """What shows that the answer goes on: an empty delta where a block is open, since clients that watch for silence may not count
        pings."""
        return self._delta(self._blocks[0], "") if self._is_open else PING

    def frames(self, chunks: list[ChatChunk]) -> bytes:
        """The events of these chunks, as one write. Raises UpstreamError(PARSING) for arguments that are no JSON object."""
        out: list[bytes] = []
        if self._start:
            out.append(self._start)
            self._start = b""
        for chunk in chunks:
            if chunk.usage is not None:
                self.usage = chunk.usage
            for choice in chunk.choices:
                if choice["index"] == 0:
                    self._read(choice["delta"], out)
                    self._finish = choice["finish_reason"] or self._finish
        return b"".join(out)

    def end(self, usage: Usage) -> bytes:
        """What is held back, and the end. Raises UpstreamError(PARSING)."""
        out: list[bytes] = []
        if self._start:
            out.append(self._start)
        if not self._index and not self._blocks:
            self._begin(_Block(dict(NOTHING)), out)
        while self._blocks:
            self._close(out)
        stop = stop_reason(self._finish, has_calls=bool(self._calls))
        out.append(
            event(
                "message_delta",
                delta={"stop_reason": stop, "stop_sequence": None},
                usage=usage_of(usage),
                **self._last(),
            )
        )
        out.append(event("message_stop"))
        return b"".join(out)

    def _read(self, delta: JSONObject, out: list[bytes]) -> None:
        for name, kind in TEXTS:
            if text := delta.get(name):
                self.characters += len(text)
                if kind == "text" or self._shown_to is not None:
                    self._say(self._spoken(kind, out), text, out)
        for call in delta.get("tool_calls") or ():
            function = function_of(call)
            block = self._calls.get(call["index"])
            if block is None:
                head = {"type": CALL, "id": call["id"], "name": function.get("name") or "", "input": {}}
                block = self._calls[call["index"]] = _Block(head)
                self._begin(block, out)
            if arguments := function.get("arguments"):
                self.characters += len(arguments)
                self._say(block, arguments, out)

    def _spoken(self, kind: str, out: list[bytes]) -> _Block:
        """The block that more text or thought goes into."""
        if self._blocks and self._blocks[-1].kind == kind:
            return self._blocks[-1]
        if kind == "thinking" and self._shown_to is not None:
            head = {"type": kind, "thinking": "", "signature": ""}
            block = _Block(head, Signing(self._shown_to))
        else:
            block = _Block({"type": kind, "text": ""})
        self._begin(block, out)
        return block

    def _begin(self, block: _Block, out: list[bytes]) -> None:
        self._blocks.append(block)
        self._advance(out)

    def _say(self, block: _Block, text: str, out: list[bytes]) -> None:
        said = block.take(text)
        if not self._blocks or block is not self._blocks[0]:
            if said:
                block.held.append(said)
        elif said:
            out.append(self._delta(block, said))
        self._advance(out)

    def _advance(self, out: list[bytes]) -> None:
        """End a text or a thought behind which another one waits, and open what is first."""
        while len(self._blocks) > 1 and CALL not in (self._blocks[0].kind, self._blocks[1].kind):
            self._close(out)
        if self._blocks:
            self._open(out)

    def _open(self, out: list[bytes]) -> None:
        if self._is_open:
            return
        self._is_open = True
        block = self._blocks[0]
        out.append(event("content_block_start", index=self._index, content_block=block.head))
        if block.held:
            out.append(self._delta(block, "".join(block.held)))
            block.held.clear()

    def _close(self, out: list[bytes]) -> None:
        self._open(out)
        block = self._blocks.popleft()
        if block.arguments is not None and self._finish != CUT:
            block.arguments.close()
        if block.signing is not None:
            delta = {"type": "signature_delta", "signature": block.signing.signature()}
            out.append(event("content_block_delta", index=self._index, delta=delta))
        out.append(event("content_block_stop", index=self._index))
        self._index += 1
        self._is_open = False

    def _delta(self, block: _Block, text: str) -> bytes:
        kind, name = DELTAS[block.kind]
        return event("content_block_delta", index=self._index, delta={"type": kind, name: text})
