"""Chunks of a streamed chat, and pieces of them as hypothesis cuts them."""

from typing import Any

from hypothesis import strategies as st

from apps.providers.types import ChatChunk


def chunk(index: int = 0, finish: str | None = None, **delta: Any) -> ChatChunk:
    return ChatChunk([{"index": index, "delta": delta, "finish_reason": finish}], bool(delta))


def opening(at: int, name: str = "f", arguments: str = "") -> ChatChunk:
    """The beginning of a call."""
    function = {"name": name, "arguments": arguments}
    return chunk(tool_calls=[{"index": at, "id": f"call_{at}", "type": "function", "function": function}])


def more(at: int, arguments: str) -> ChatChunk:
    """More of its arguments."""
    return chunk(tool_calls=[{"index": at, "function": {"arguments": arguments}}])


def in_batches(data: st.DataObject, chunks: list[ChatChunk]) -> list[list[ChatChunk]]:
    """The chunks as a few reads bring them."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(chunks)), max_size=6)))
    return [chunks[start:end] for start, end in zip([0, *cuts], [*cuts, len(chunks)], strict=True)]


def split(data: st.DataObject, text: str) -> list[str]:
    """A text in a few pieces, none of them empty."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4))) if text else []
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return [piece for piece in pieces if piece]
