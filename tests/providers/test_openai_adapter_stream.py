import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.types import Preset, Usage
from tests.factories import make_offer

from .openai_wire import DONE, codec, frame, joined, pieces, raw, read, text_frames

CUTS = st.lists(st.integers(min_value=0), max_size=10)
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
ROLE = frame({"role": "assistant", "content": ""})
STOP = frame({}, "stop")


def call(name=None, arguments=None, **more):
    function = {} if name is None else {"name": name}
    return {"function": function if arguments is None else function | {"arguments": arguments}} | more


def calls_of(*reads):
    message, finish, _ = joined(read(*reads))
    assert finish == "tool_calls"
    return [(made["function"]["name"], made["function"]["arguments"]) for made in message["tool_calls"]]


def test_reads_a_plain_stream_frame_by_frame():
    chunks = read(ROLE, text_frames("Hel", "lo"), STOP, frame(usage=USAGE), DONE)

    assert [chunk.choices for chunk in chunks] == [
        [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}],
        [{"index": 0, "delta": {"content": "lo"}, "finish_reason": None}],
        [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        [],
    ]
    assert [chunk.has_content for chunk in chunks] == [True, True, False, False]
    assert chunks[-1].usage == Usage(9, 2)


RICH = b"".join(
    [
        b": OPENROUTER PROCESSING\n\n",
        frame({"role": "assistant", "content": ""}, x_groq={"id": "req_1"}),
        text_frames("<th", "ink>\nnaïve", " 日本語</thi", "nk>\n\n", "Hello 🙂", " <think> is a tag"),
        frame({"tool_calls": [call("get_weather", "", id="call_1", index=0)]}),
        frame({"tool_calls": [call(arguments='{"city":', index=0)]}),
        frame({"tool_calls": [call(arguments='"Žižkov"}', index=0)]}),
        b"event: ping\ndata: 1\n\n",
        frame({}, "stop", x_groq={"usage": USAGE}),
        DONE,
    ]
)


@given(CUTS)
def test_the_split_of_the_reads_changes_nothing(cuts):
    message, finish, usage = joined(read(*pieces(RICH, cuts)))

    assert message["reasoning_content"] == "\nnaïve 日本語"
    assert message["content"] == "Hello 🙂 <think> is a tag"
    assert message["tool_calls"][0]["function"]["arguments"] == '{"city":"Žižkov"}'
    assert (finish, usage) == ("tool_calls", Usage(9, 2))


@given(CUTS)
def test_crlf_changes_nothing(cuts):
    assert joined(read(*pieces(RICH.replace(b"\n\n", b"\r\n\r\n"), cuts))) == joined(read(RICH))


def test_does_not_pass_on_a_role_that_is_repeated_on_every_frame():
    body = b"".join(frame({"role": "assistant", "content": text}) for text in ("Hel", "lo"))

    assert joined(read(body, STOP, DONE)) == ({"content": "Hello"}, "stop", None)


@pytest.mark.parametrize(
    "frames",
    [
        frame({"content": "lo"}, "stop", usage=USAGE) + DONE,
        frame({"content": "lo"}, "stop", x_groq={"usage": USAGE}) + DONE,
        frame({"content": "lo"}) + frame({}, "stop", choices=None) + STOP + frame(choices=None, usage=USAGE),
        frame({"content": "lo"}) + STOP + raw({"usage": USAGE}) + DONE,
        frame({"content": "lo"}, usage=USAGE) + frame({}, "eos") + frame({"content": ""}, "stop"),
        frame({"content": [{"type": "text", "text": "lo"}]}, "stop", usage=USAGE) + DONE,
        frame({"content": "lo", "refusal": None, "tool_calls": None}, "stop", usage=USAGE) + DONE,
        frame({"content": "lo"}, "", usage=USAGE) + DONE,
        frame({"content": "lo"}, usage=USAGE) + DONE,
        (frame({"content": "lo"}, usage=USAGE) + DONE).rstrip(),
    ],
)
def test_deviations_of_the_last_frames_give_the_same_answer(frames):
    assert joined(read(ROLE, text_frames("Hel"), frames)) == ({"content": "Hello"}, "stop", Usage(9, 2))


def test_a_missing_finish_reason_becomes_tool_calls_where_tools_were_called():
    assert calls_of(frame({"tool_calls": [call("f", "{}", id="a", index=0)]}), DONE) == [("f", "{}")]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("eos", "stop"), ("model_length", "length"), ("sensitive", "content_filter"), ("whatever", "stop")],
)
def test_translates_finish_reasons(theirs, ours):
    assert joined(read(text_frames("x"), frame({}, theirs), DONE))[1] == ours


def test_keeps_length_and_filter_although_tools_were_called():
    first = frame({"tool_calls": [call("f", "{", id="a", index=0)]})

    assert joined(read(first, frame({}, "length"), DONE))[1] == "length"


@pytest.mark.parametrize(
    "frames",
    [
        [[call("f", "{}", id="a", index=0), call("g", "[]", id="b", index=1)]],
        [[call("f", "{}", id="a"), call("g", "[]", id="b")]],
        [[call("f", "{}", id="a")], [call("g", "[]", id="b")]],
        [[call("f", "{}")], [call("g", "[]")]],
        [[call("f", "{}", id="a", index=0)], [call("g", "[]", id="b", index=0)]],
        [[call("f", "{", id="a"), call("g", "[", id="b")], [call(arguments="}"), call(arguments="]")]],
        [[call("f", "{", id="a", index=0)], [call("f", "}", id="a", index=0)], [call("g", "[]", id="b", index=1)]],
        [[call("f", "{}", id=None, index=1)], [call("g", "[]", id=None, index=2)]],
    ],
    ids=[
        "clean",
        "no_index",
        "no_index_one_a_frame",
        "no_index_no_id",
        "same_index",
        "fragments_without_index",
        "repeated_id_and_name",
        "one_based",
    ],
)  # fmt: skip
def test_tells_parallel_tool_calls_apart(frames):
    body = b"".join(frame({"tool_calls": calls}) for calls in frames)

    assert calls_of(body, STOP, DONE) == [("f", "{}"), ("g", "[]")]


def test_every_tool_call_delta_has_an_index_and_the_first_an_id_and_type():
    chunks = read(frame({"tool_calls": [call("f", "{"), call("g", "{}")]}), STOP, DONE)

    first, second = chunks[0].choices[0]["delta"]["tool_calls"]
    assert (first["index"], second["index"]) == (0, 1)
    assert first["type"] == second["type"] == "function"
    assert re.fullmatch(r"call_[A-Za-z0-9]{24}", first["id"])
    assert first["id"] != second["id"]
    assert chunks[0].has_content


@pytest.mark.parametrize("arguments", [None, {}, ""])
def test_a_call_without_arguments_gets_an_empty_object_once(arguments):
    assert calls_of(frame({"tool_calls": [call("f", arguments, index=0)]}), STOP, DONE) == [("f", "{}")]
    assert calls_of(frame({"tool_calls": [call("f", arguments, index=0)]}, "stop"), DONE) == [("f", "{}")]


def test_no_stray_object_is_added_to_arguments_that_come_later():
    fragments = frame({"tool_calls": [call("f", {}, index=0)]}) + frame(
        {"tool_calls": [call(None, '{"a":1}', index=0)]}
    )

    assert calls_of(fragments, STOP, DONE) == [("f", '{"a":1}')]


def test_arguments_as_an_object_become_a_string():
    assert calls_of(frame({"tool_calls": [call("f", {"city": "Rome"})]}), STOP, DONE) == [
        ("f", '{"city":"Rome"}')
    ]


def test_keeps_text_and_tool_call_of_one_frame():
    message, _, _ = joined(read(frame({"content": "See", "tool_calls": [call("f", "{}")]}), STOP, DONE))

    assert message["content"] == "See"
    assert message["tool_calls"][0]["function"]["name"] == "f"


def test_keeps_the_choices_of_n_apart():
    body = frame({"content": "a"}) + frame({"content": "b"}, choice={"index": 1})
    body += frame({}, "stop") + frame({"content": "c"}, choice={"index": 1}) + DONE

    chunks = read(body)

    texts = [(made["index"], made["delta"].get("content")) for chunk in chunks for made in chunk.choices]
    assert texts == [(0, "a"), (1, "b"), (0, None), (1, "c"), (1, None)]
    assert chunks[-1].choices[0]["finish_reason"] == "stop"


def test_passes_logprobs_and_extensions_on():
    logprobs = {"content": [{"token": "x"}]}
    details = [{"type": "reasoning.text", "text": "hm"}]
    body = text_frames("w") + frame({"content": "x"}, choice={"logprobs": logprobs})
    body += frame({"content": "", "reasoning": "hm", "reasoning_details": details}) + STOP + DONE

    chunks = read(body)

    assert chunks[1].choices[0]["logprobs"] == logprobs
    assert chunks[2].choices[0]["delta"] == {"reasoning_content": "hm", "reasoning_details": details}


class TestReasoning:
    def test_holds_back_no_more_than_a_possible_tag(self):
        stream = codec.open_stream(make_offer())

        assert stream.feed(text_frames("<thi")) == []
        assert joined(stream.feed(text_frames("s is text")))[0] == {"content": "<this is text"}

    def test_what_was_held_back_at_the_end_is_not_lost(self):
        assert joined(read(text_frames("<thi"), STOP, DONE))[0] == {"content": "<thi"}
        assert joined(read(text_frames("<think>hm</th"), DONE))[0] == {"reasoning_content": "hm</th"}

    def test_reads_up_to_the_closing_tag_alone_where_the_template_opened_it(self):
        preset = Preset(think_opened=frozenset({"r1"}))
        body = text_frames("hm", "</thi", "nk>", "\n\nHello") + STOP + DONE

        assert joined(read(body, preset=preset, model="r1"))[0] == {
            "reasoning_content": "hm",
            "content": "Hello",
        }
        assert joined(read(body, preset=preset, model="v3"))[0] == {"content": "hm</think>\n\nHello"}


def test_is_done_at_the_end_mark():
    stream = codec.open_stream(make_offer())
    stream.feed(text_frames("a") + STOP)
    assert not stream.done

    stream.feed(DONE)

    assert stream.done


def test_takes_a_whole_answer_that_came_instead_of_a_stream():
    call_made = {"id": "a", "function": {"name": "f", "arguments": {}}}
    answer = {"role": "assistant", "content": None, "tool_calls": [call_made]}
    body = orjson.dumps({"choices": [{"message": answer, "finish_reason": "stop"}], "usage": USAGE})

    message, finish, usage = joined(read(*pieces(body, [10, 50])))

    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert (finish, usage) == ("tool_calls", Usage(9, 2))
