"""Fragments of tool calls, and what else is kept of a stream between its frames, without bounds."""

from typing import Any

import orjson
import pytest

from apps.providers.adapters.chat import CODECS
from apps.providers.errors import ErrorKind

from .costly import KIB, fed, framed, in_time
from .test_nearly_json import GEMINI, OPENAI

__all__ = ["in_time"]

LONG = '{"a":"' + "x" * 200_000


def fragments(arguments: str, times: int, **more: Any) -> bytes:
    """One frame with so many of a call at the first place."""
    return framed({"tool_calls": [{"index": 0, "function": {"arguments": arguments, **more}}] * times})


def begun(arguments: str) -> bytes:
    return framed(
        {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": arguments}}]}
    )


@pytest.mark.parametrize("more", [{}, {"name": "f"}], ids=["unnamed", "named"])
@pytest.mark.parametrize("so_far", [LONG, LONG + '"}'], ids=["open", "complete"])
@pytest.mark.parametrize("piece", ["{", "y", " ", '"', "\\"])
@pytest.mark.usefixtures("in_time")
def test_fragments_of_a_long_call(so_far: str, piece: str, more: dict[str, str]):
    fed(OPENAI, begun(so_far), fragments(piece, 10_000, **more))


@pytest.mark.usefixtures("in_time")
def test_a_long_call_repeated():
    spaced = '{"a": 1' + " " * 200_000 + "}"

    assert fed(OPENAI, begun(spaced), fragments('{"a":1}', 10_000)) is None


class TestKept:
    """What is remembered of a stream between its frames is bounded: it may go on for minutes."""

    def test_places_of_calls(self):
        frames = (
            framed({"tool_calls": [{"index": at, "function": {"arguments": ""}}]}) for at in range(100_100)
        )

        assert fed(OPENAI, begun('{"a'), *frames) is ErrorKind.PARSING

    @pytest.mark.parametrize(
        "entry",
        [lambda at: {"function": {"arguments": "x" * KIB}}, lambda at: {f"k{at}": "x" * KIB}],
        ids=["arguments", "members"],
    )
    def test_a_call_that_gets_no_name(self, entry):
        frames = (framed({"tool_calls": [{"index": 0, **entry(at)}]}) for at in range(KIB))

        assert fed(OPENAI, *frames) is ErrorKind.PARSING

    @pytest.mark.parametrize(
        "times", [{"id": "i" * 60 * KIB}, {"name": "f" * 60 * KIB}], ids=["ids", "names"]
    )
    def test_long_ids_and_names(self, times):
        def frame(at: int) -> bytes:
            said = {"id": f"{times.get('id', '')}{at}", "name": f"{times.get('name', 'f')}{at}"}
            return framed(
                {
                    "tool_calls": [
                        {"index": at, "id": said["id"], "function": {"name": said["name"], "arguments": "{}"}}
                    ]
                }
            )

        assert fed(OPENAI, *map(frame, range(100))) is ErrorKind.PARSING

    def test_long_names_on_geminis_wire(self):
        call = {"functionCall": {"name": "f" * 60 * KIB, "args": {}}}
        body = b"data: " + orjson.dumps({"candidates": [{"content": {"parts": [call]}}]}) + b"\n\n"

        assert fed(GEMINI, *[body] * 100) is ErrorKind.PARSING

    def test_blanks_before_an_answer(self):
        stream = CODECS["openai"].open_stream(OPENAI)
        said = [chunk for _ in range(KIB) for chunk in stream.feed(framed({"content": " " * KIB}))]

        assert any(chunk.has_content for chunk in said)
