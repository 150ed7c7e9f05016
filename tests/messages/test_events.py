"""From chunks to events: the order is Anthropic's, whatever the upstream's is, and a stream says what a whole answer says."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.gateway.answering.arguments import Arguments
from apps.gateway.endpoints.messages.wire.events import EventWriter
from apps.gateway.endpoints.messages.wire.response import whole
from apps.gateway.endpoints.messages.wire.signatures import is_own
from apps.providers.adapters.chat import open_stream, parse
from apps.providers.adapters.shared.joining import join_chunks
from apps.providers.errors import UpstreamError
from apps.providers.types import ChatChunk, ChatRequest, ChatResult, Usage
from tests.chunks import chunk, in_batches, more, opening, split
from tests.factories import make_offer
from tests.messages.events import Reader

USER = 1
USAGE = Usage(100, 20, cached_tokens=40, reasoning_tokens=5)
REQUEST = ChatRequest(model=None, body={"messages": []})
OBJECTS = st.dictionaries(
    st.text(max_size=8),
    st.recursive(st.text(max_size=20) | st.integers(-9, 9) | st.booleans(), st.lists, max_leaves=5),
    max_size=4,
)


def rendered(batches: list[list[ChatChunk]], shown_to: int | None = USER) -> Reader:
    writer = EventWriter({"id": "msg_1", "model": "m"}, 90, shown_to, lambda: {"latency_ms": 1})
    out = [writer.frames(batch) for batch in batches]
    return Reader().read(b"".join([*out, writer.end(USAGE)]))


@given(st.data(), st.lists(OBJECTS, max_size=4), st.text(max_size=30), st.text(max_size=30), st.booleans())
def test_any_interleaving_of_calls_is_told_block_after_block(data, objects, thought, text, shown):
    """Pieces of thoughts, text and calls in any order that a wire allows: each call's own pieces in theirs, opened in order."""
    written = [orjson.dumps(it).decode() for it in objects]
    pieces = [split(data, it) for it in written]
    queue = [chunk(reasoning_content=piece) for piece in split(data, thought)]
    queue += [chunk(content=piece) for piece in split(data, text)]
    waiting = {at: list(it) for at, it in enumerate(pieces)}
    opened = 0
    while waiting or opened < len(objects):
        choices = [at for at in waiting if at < opened]
        if opened < len(objects) and (not choices or data.draw(st.booleans())):
            queue.append(opening(opened))
            opened += 1
            continue
        at = data.draw(st.sampled_from(choices))
        queue.append(more(at, waiting[at].pop(0)))
        if not waiting[at]:
            del waiting[at]
    queue.append(chunk(finish="tool_calls" if objects else "stop"))

    reader = rendered(in_batches(data, queue), USER if shown else None)

    content = reader.message["content"]
    assert [block["input"] for block in content if block["type"] == "tool_use"] == objects
    assert "".join(block["text"] for block in content if block["type"] == "text") == text
    thoughts = [block for block in content if block["type"] == "thinking"]
    assert "".join(block["thinking"] for block in thoughts) == (thought if shown else "")
    assert all(is_own(block["thinking"], block["signature"], USER) for block in thoughts)
    assert reader.message["stop_reason"] == ("tool_use" if objects else "end_turn")
    assert reader.message["usage"]["input_tokens"] == 60
    assert reader.message["usage"]["cache_read_input_tokens"] == 40
    joined = whole(join_chunks(queue), USAGE, {}, USER if shown else None)
    assert essence(joined["content"]) == essence(content)
    assert joined["stop_reason"] == reader.message["stop_reason"]
    assert joined["usage"] == reader.message["usage"]


def essence(content: list[dict[str, Any]]) -> list[Any]:
    """What is said, thought and called, whatever the order of blocks of different kinds."""
    texts = ["".join(block.get(name, "") for block in content) for name in ("thinking", "text")]
    return [*texts, [(it["id"], it["name"], it["input"]) for it in content if it["type"] == "tool_use"]]


FRAMES: list[dict[str, Any]] = [
    {"reasoning": "Hm — "},
    {"reasoning": "ja."},
    {"content": "Grüße "},
    {"content": "👋"},
    {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
    {
        "tool_calls": [
            {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": '{"x'}}
        ]
    },
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"city": "Zü'}}]},
    {"tool_calls": [{"index": 1, "function": {"arguments": '": 1}'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": 'rich"}'}}]},
]
BODY = b"".join(
    b"data: "
    + orjson.dumps({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    + b"\n\n"
    for delta in FRAMES
)
END = {
    "id": "c",
    "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 9},
}
BODY += b"data: " + orjson.dumps(END) + b"\n\ndata: [DONE]\n\n"


@given(st.lists(st.integers(0, len(BODY)), max_size=12))
def test_an_upstreams_bytes_may_come_in_any_pieces(cuts):
    offer = make_offer()
    stream = open_stream(REQUEST, offer)
    ends = sorted(cuts)
    pieces = [BODY[start:end] for start, end in zip([0, *ends], [*ends, len(BODY)], strict=True)]

    reader = rendered([*(stream.feed(piece) for piece in pieces), stream.finish()])

    told = whole(parse(BODY, REQUEST, offer), USAGE, {}, USER)
    assert reader.message["content"] == told["content"]
    assert [block["type"] for block in told["content"]] == ["thinking", "text", "tool_use", "tool_use"]
    assert [block["input"] for block in told["content"][2:]] == [{"city": "Zürich"}, {"x": 1}]


@pytest.mark.parametrize("arguments", ["[1]", "7", '"x"', '{"a":', "null", "{'a': 1}", '{"a" 1}'])
def test_arguments_that_are_no_object_are_an_error_and_no_call(arguments: str):
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}
    choice = {"index": 0, "message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}

    with pytest.raises(UpstreamError):
        rendered([[opening(0, arguments=arguments), chunk(finish="tool_calls")]])
    with pytest.raises(UpstreamError):
        whole(ChatResult(choices=[choice]), USAGE, {}, None)


def test_what_stands_behind_an_object_is_left_out():
    reader = rendered([[opening(0, arguments='{"a": "}"} {}'), more(0, "{}"), chunk(finish="stop")]])

    assert reader.message["content"][0]["input"] == {"a": "}"}


def test_a_call_that_the_end_cut_off_does_not_end_in_an_error():
    writer = EventWriter({}, 1, None, dict)

    events = writer.frames([opening(0, arguments='{"a": "b'), chunk(finish="length")]) + writer.end(USAGE)

    assert b'"stop_reason":"max_tokens"' in events


def test_an_answer_that_says_nothing_has_an_empty_block():
    reader = rendered([[chunk(reasoning_content="Hm."), chunk(finish="length")]], None)

    assert reader.message["content"] == [{"type": "text", "text": ""}]
    assert reader.message["stop_reason"] == "max_tokens"


def test_what_keeps_a_stream_alive_belongs_into_it():
    writer = EventWriter({}, 1, None, dict)

    out = [writer.frames([chunk(reasoning_content="unseen")]), writer.alive]
    out += [writer.frames([chunk(content="Hm")]), writer.alive, writer.frames([opening(0), more(0, '{"a"')])]
    out += [writer.alive, writer.frames([more(0, ":1}")]), writer.end(USAGE)]

    assert Reader().read(b"".join(out)).kinds.count("ping") == 1
    assert out[3] == out[5]
    assert b"content_block_stop" not in b"".join(out[:-1])


def test_text_behind_a_call_waits_for_its_arguments():
    reader = rendered(
        [[opening(0), chunk(content="and"), more(0, '{"a"'), more(0, ": 1}"), chunk(content=" so")]]
    )

    assert [block["type"] for block in reader.message["content"]] == ["tool_use", "text"]
    assert reader.message["content"][1]["text"] == "and so"


@given(OBJECTS, st.data())
def test_the_end_of_an_object_is_found_in_any_pieces(value, data):
    written = orjson.dumps(value).decode() + " {}"
    arguments = Arguments()

    passed = "".join(map(arguments.feed, split(data, written)))

    assert orjson.loads(passed) == value
    assert arguments.is_complete
    arguments.close()
