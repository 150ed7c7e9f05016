"""ChatChunks -> GenerateContentResponses: texts as they come, calls whole and with the end, why it ended and the usage in the last."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from apps.core.json_types import JSONObject
from apps.gateway.answering.calls import CUT, GatheredCalls
from apps.gateway.endpoints.gemini.wire import response
from apps.gateway.endpoints.gemini.wire.framing import Framing
from apps.providers.types import ChatChunk, Usage


class FrameWriter:
    """Renders one stream: `frames` for every batch of chunks, `end` once.

    `members`: FreeAI's own and Google's, on every frame. `last`: more of the last one, asked for when it is written.
    """

    def __init__(
        self, members: JSONObject, framing: Framing, last: Callable[[], JSONObject], *, shows_thinking: bool
    ) -> None:
        self._members = members
        self._framing = framing
        self._last = last
        self._shows_thinking = shows_thinking
        self._calls: defaultdict[int, GatheredCalls] = defaultdict(GatheredCalls)
        self._finishes: dict[int, Any] = {0: None}
        self.usage: Usage | None = None
        self.characters = 0

    @property
    def alive(self) -> bytes:
        return self._framing.quiet()

    def frames(self, chunks: list[ChatChunk]) -> bytes:
        """The frames of these chunks, as one write. Raises UpstreamError(PARSING) for arguments that are no JSON object."""
        out: list[bytes] = []
        for chunk in chunks:
            if chunk.usage is not None:
                self.usage = chunk.usage
            candidates = [made for choice in chunk.choices if (made := self._read(choice)) is not None]
            if candidates:
                out.append(self._framing.frame({"candidates": candidates, **self._members}))
        return b"".join(out)

    def end(self, usage: Usage) -> bytes:
        """The last frame. Raises UpstreamError(PARSING)."""
        candidates = [
            response.candidate(index, self._parts_of(index) or [response.NOTHING], finish or "stop")
            for index, finish in sorted(self._finishes.items())
        ]
        frame = {
            "candidates": candidates,
            "usageMetadata": response.usage_of(usage),
            **self._members,
            **self._last(),
        }
        return self._framing.frame(frame) + self._framing.end()

    def _read(self, choice: JSONObject) -> JSONObject | None:
        """What of a choice is said at once."""
        index, delta = choice["index"], choice["delta"]
        self._finishes[index] = choice["finish_reason"] or self._finishes.get(index)
        self.characters += sum(
            len(delta.get(name) or "") for name in ("reasoning_content", "content", "refusal")
        )
        for call in delta.get("tool_calls") or ():
            self.characters += self._calls[index].take(call)
        parts = response.text_parts(delta, shows_thinking=self._shows_thinking)
        return response.candidate(index, parts) if parts else None

    def _parts_of(self, index: int) -> list[JSONObject]:
        gathered = self._calls.get(index)
        if not gathered:
            return []
        return response.call_parts(gathered.whole(is_cut=self._finishes[index] == CUT))
