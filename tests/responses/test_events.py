"""From chunks to events: the order is OpenAI's, whatever the upstream's is, and a stream says what a whole answer says."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.gateway.endpoints.responses.wire import thoughts
from apps.gateway.endpoints.responses.wire.answer import Showing
from apps.gateway.endpoints.responses.wire.echo import echo_of
from apps.gateway.endpoints.responses.wire.events import EventWriter
from apps.gateway.endpoints.responses.wire.names import Declared
from apps.gateway.endpoints.responses.wire.schema import ResponsesBody
from apps.gateway.wire.errors import AGAIN, ApiError
from apps.providers.adapters.chat import open_stream, parse
from apps.providers.adapters.shared.joining import join_chunks
from apps.providers.types import ChatChunk, ChatRequest, ChatResult, Usage
from tests.chunks import chunk, in_batches, more, opening, split
from tests.factories import make_offer
from tests.responses.events import Reader

KEY = 7
ID = "0" * 32
USAGE = Usage(100, 20, cached_tokens=40, reasoning_tokens=5)
REQUEST = ChatRequest(model=None, body={"messages": []})
MEMBERS = echo_of(ResponsesBody(), {}) | {"id": f"resp_{ID}", "created_at": 1, "model": "m", "store": True}
DECLARED = {
    "f": Declared("function", "f"),
    "agents__wait": Declared("function", "wait", "agents"),
    "patch": Declared("custom", "patch"),
}
TOOLS = st.sampled_from([*DECLARED, "unknown"])
OBJECTS = st.dictionaries(
    st.text(max_size=8),
    st.recursive(st.text(max_size=20) | st.integers(-9, 9) | st.booleans(), st.lists, max_leaves=5),
    max_size=4,
)


def writer(*, shown: bool = True, sealed: bool = True) -> EventWriter:
    showing = Showing(
        answer_id=ID,
        declared=DECLARED,
        shows_thinking=shown,
        seals_thinking=sealed,
        seal=lambda text: thoughts.sealed(text, KEY),
    )
    return EventWriter(MEMBERS, showing, lambda ended, _: ended | {"latency_ms": 1})


def rendered(batches: list[list[ChatChunk]], **showing: bool) -> Reader:
    made = writer(**showing)
    out = [made.frames(batch) for batch in batches]
    return Reader().read(b"".join([*out, made.end(USAGE)]))


@given(
    st.data(),
    st.lists(st.tuples(TOOLS, OBJECTS), max_size=4),
    st.text(max_size=30),
    st.text(max_size=30),
    st.booleans(),
)
def test_any_interleaving_is_told_item_by_item(data, calls, thought, text, shown):
    """Pieces of thoughts, text and calls in any order that a wire allows: each one's own pieces in theirs."""
    written = [orjson.dumps(it).decode() for _, it in calls]
    waiting: dict[Any, list[ChatChunk]] = {
        "thought": [chunk(reasoning_content=piece) for piece in split(data, thought)],
        "text": [chunk(content=piece) for piece in split(data, text)],
    }
    waiting |= {at: [more(at, piece) for piece in split(data, it)] for at, it in enumerate(written)}
    queue: list[ChatChunk] = []
    opened = 0
    while waiting := {name: pieces for name, pieces in waiting.items() if pieces}:
        choices = [name for name in waiting if isinstance(name, str) or name < opened]
        if opened < len(calls) and (not choices or data.draw(st.booleans())):
            queue.append(opening(opened, calls[opened][0]))
            opened += 1
        else:
            queue.append(waiting[data.draw(st.sampled_from(choices))].pop(0))
    queue.append(chunk(finish="tool_calls" if calls else "stop"))

    response = rendered(in_batches(data, queue), shown=shown).response

    told = essence(response)
    assert told[0] == (thought if shown else "")
    assert told[1] == text
    assert told[2] == [
        as_declared(at, name, arguments)
        for at, ((name, _), arguments) in enumerate(zip(calls, written, strict=True))
    ]
    assert response["status"] == "completed"
    assert response["usage"]["total_tokens"] == 120
    whole = writer(shown=shown).whole(join_chunks(queue), USAGE)
    assert essence(whole) == told
    assert {name: whole[name] for name in whole if name != "output"} == {
        name: response[name] for name in response if name != "output"
    }


def as_declared(at: int, name: str, arguments: str) -> tuple[Any, ...]:
    tool = DECLARED.get(name) or Declared("function", name)
    if tool.kind == "custom":
        value = orjson.loads(arguments).get("input")
        arguments = value if isinstance(value, str) else arguments
    kind = "custom_tool_call" if tool.kind == "custom" else "function_call"
    return kind, f"call_{at}", tool.name, tool.namespace, arguments


def essence(response: dict[str, Any]) -> list[Any]:
    """What is thought, said and called, whatever the order of items of different kinds; and every sealed thought read."""
    output = response["output"]
    summaries = [part["text"] for item in output if item["type"] == "reasoning" for part in item["summary"]]
    tokens = [item["encrypted_content"] for item in output if item["type"] == "reasoning"]
    texts = [part["text"] for item in output if item["type"] == "message" for part in item["content"]]
    calls = [
        (it["type"], it["call_id"], it["name"], it.get("namespace"), it.get("arguments", it.get("input")))
        for it in output
        if it["type"].endswith("_call")
    ]
    thought = "".join(str(thoughts.opened(token, KEY)) for token in tokens)
    return ["".join(summaries), "".join(texts), calls, thought]


FRAMES: list[dict[str, Any]] = [
    {"reasoning": "Hm — "},
    {"reasoning": "ja."},
    {"content": "Grüße "},
    {"content": "👋"},
    {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
    {
        "tool_calls": [
            {"index": 1, "id": "b", "type": "function", "function": {"name": "patch", "arguments": '{"in'}}
        ]
    },
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"city": "Zü'}}]},
    {"tool_calls": [{"index": 1, "function": {"arguments": 'put": "+hi"}'}}]},
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

    reader = rendered([*(stream.feed(piece) for piece in pieces), stream.finish()], sealed=False)

    told = writer(sealed=False).whole(parse(BODY, REQUEST, offer), USAGE)
    assert reader.response["output"] == told["output"]
    assert [item["type"] for item in told["output"]] == [
        *("reasoning", "message", "function_call", "custom_tool_call"),
    ]
    assert told["output"][2]["arguments"] == '{"city": "Zürich"}'
    assert told["output"][3]["input"] == "+hi"


@given(st.data(), st.integers(0, 12), st.booleans())
def test_a_stream_may_break_off_anywhere(data, at, shown):
    queue = [
        chunk(reasoning_content="Hm."),
        chunk(content="So"),
        chunk(refusal="No"),
        opening(0),
        more(0, "{"),
    ]
    queue += [
        opening(1, "patch"),
        more(1, '{"input": "x"}'),
        chunk(reasoning_content="?"),
        chunk(content="."),
    ]
    made = writer(shown=shown)
    begun = [made.frames(batch) for batch in in_batches(data, queue[:at])] if at else []

    reader = Reader().read(
        b"".join([*begun, made.failed(ApiError(502, "groq: gone", code="upstream_failed"))])
    )

    assert reader.kinds[-1] == "response.failed"
    error = reader.response["error"]
    assert (error["code"], error["message"]) == ("server_error", f"groq: gone. {AGAIN}")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ApiError(429, "Slow.", headers={"Retry-After": "12"}), "rate_limit_exceeded", "Slow. Please try again in 12s. " + AGAIN),
        (ApiError(503, "Full."), "server_error", f"Full. {AGAIN}"),
        (ApiError(400, "Too long.", code="context_length_exceeded"), "context_length_exceeded", "Too long."),
        (ApiError(400, "Filtered.", code="content_filter"), "invalid_prompt", "Filtered."),
    ],
)  # fmt: skip
def test_errors_are_in_the_words_by_which_agents_go(error: ApiError, code: str, words: str):
    reader = Reader().read(writer().failed(error))

    assert reader.kinds == ["response.created", "response.in_progress", "response.failed"]
    assert (reader.response["error"]["code"], reader.response["error"]["message"]) == (code, words)


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        (None, "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
    ],
)
def test_how_an_answer_ends(finish: str | None, status: str, reason: str | None):
    queue = [chunk(content="So"), opening(0, arguments='{"a": "b'), chunk(finish=finish)]

    response = rendered([queue]).response

    assert response["status"] == status
    assert (response["incomplete_details"] or {}).get("reason") == reason
    assert response["output"][1]["status"] == status


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ('{"input": "*** Begin"}', "*** Begin"),
        ("*** Begin", "*** Begin"),
        ('{"patch": 1}', '{"patch": 1}'),
        ('{"input": 1}', '{"input": 1}'),
        ('"x"', '"x"'),
        ("", ""),
    ],
)
def test_what_a_custom_tool_is_given(arguments: str, given: str):
    response = rendered([[opening(0, "patch"), more(0, arguments), chunk(finish="tool_calls")]]).response

    assert (response["output"][0]["type"], response["output"][0]["input"]) == ("custom_tool_call", given)


def test_a_call_without_arguments_is_an_empty_object():
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    choice = {"index": 0, "message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}

    streamed = rendered([[opening(0), chunk(finish="tool_calls")]]).response
    whole = writer().whole(ChatResult(choices=[choice]), USAGE)

    assert streamed["output"][0]["arguments"] == whole["output"][0]["arguments"] == "{}"


def test_no_call_has_ended_before_the_answer():
    """Agents run what has ended, and repeat the turn where a stream breaks off behind that."""
    made = writer()

    before = made.frames([opening(0), more(0, "{}"), opening(1), more(1, "{}"), chunk(content="So.")])

    assert b"output_item.done" not in before
    assert made.end(USAGE).count(b'"response.output_item.done"') == 3


def test_an_answer_that_says_nothing():
    response = rendered([[chunk(finish="length")]]).response

    assert (response["output"], response["status"]) == ([], "incomplete")


def test_log_probabilities_are_with_the_text():
    told = [{"token": "So", "bytes": [83, 111], "logprob": -0.1, "top_logprobs": []}]
    choice = {"index": 0, "delta": {"content": "So"}, "finish_reason": "stop", "logprobs": {"content": told}}

    response = rendered([[ChatChunk([choice], True)]]).response

    assert response["output"][0]["content"][0]["logprobs"] == told


def test_a_thought_that_is_too_long_is_not_carried():
    response = rendered(
        [[chunk(reasoning_content="x" * (thoughts.LONGEST + 1)), chunk(content="So.")]]
    ).response

    assert response["output"][0]["encrypted_content"] is None
