"""Valid JSON whose text stands where it does not belong, on every wire: what can be read arrives, and what cannot is an error."""

from typing import Any

import orjson
import pytest

from apps.providers.adapters.chat import CODECS, parse
from apps.providers.adapters.shared.joining import join_chunks
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer, Preset
from tests.factories import make_offer, make_request

from .test_nearly_json import COHERE, GEMINI, OPENAI, end, event

LOST = None  # what cannot be read: an error
X: Any = {"content": "x"}
TWICE = orjson.dumps({"choices": [{"delta": X}]}).decode()
PART = {"type": "text", "text": {"value": "x"}}


def said(offer: Offer, odd: Any, name: str = "") -> str | None:
    """What arrives of a stream with the frame `odd` in it, without the text before and behind it; LOST for an error."""
    frame = odd if isinstance(odd, bytes) else orjson.dumps(odd)
    named = f"event: {name}\n".encode() if name else b""
    stream = CODECS[offer.preset.wire].open_stream(offer)
    body = event(offer, b"<") + named + b"data: " + frame + b"\n\n" + event(offer, b">") + end(offer)
    try:
        text = join_chunks(stream.feed(body) + stream.finish()).choices[0]["message"]["content"]
    except UpstreamError as error:
        return LOST if error.kind is ErrorKind.PARSING else error.kind.value
    assert text[:1] + text[-1:] == "<>"
    return str(text[1:-1])


OPENAI_FRAMES: list[tuple[Any, str | None]] = [
    ({"choices": [{"message": X}]}, "x"),
    ({"choices": [{"message": {"role": "assistant", **X}, "finish_reason": None, "delta": None}]}, "x"),
    ({"choices": [{"delta": {}, "text": "x"}]}, "x"),
    ({"choices": [{"delta": {"role": "assistant"}, "message": X}]}, "x"),
    ({"choices": [{"content": "x"}]}, "x"),
    ({"choices": [{"delta": [X]}]}, "x"),
    ({"choices": [{"delta": "x"}]}, "x"),
    ({"choices": [{"delta": {"text": "x"}}]}, "x"),
    ({"choices": [{"delta": {"content": X}}]}, "x"),
    ({"choices": [{"delta": {"content": {"text": "x"}}}]}, "x"),
    ({"choices": [{"delta": {"content": [PART]}}]}, "x"),
    ({"choices": [{"delta": {"content": [{"type": "text", **X}, {"type": "image_url"}]}}]}, "x"),
    ({"choices": [{"delta": {"content": [{"type": "text", "text": 5}]}}]}, "5"),
    ({"choices": [{"delta": {"content": "", "text": "x"}}]}, "x"),
    ({"choices": {"delta": X}}, "x"),
    ({"choices": None, **X}, "x"),
    ({"delta": X}, "x"),
    ({"message": X}, "x"),
    ({"choices": [], "delta": X, "index": 4}, "x"),
    (TWICE, "x"),
    ([TWICE, TWICE], "xx"),
    ({"choices": ["x"]}, LOST),
    ({"choices": "x"}, LOST),
    ({"choices": [[{"delta": X}]]}, LOST),
    ({"choices": {"0": {"delta": X}}}, LOST),
    ({"choices": [{"delta": {"content": [1, 2]}}]}, LOST),
    ({"choices": [{"delta": {"content": {"answer": 42}}}]}, LOST),
    ({"choices": [{"delta": {"content": [{"type": "odd", "parts": ["x"]}]}}]}, LOST),
    ({"choices": [{"delta": {"content": [{"type": "tool_use", "name": "f", "input": {}}]}}]}, LOST),
    ({"choices": [{"delta": [{"tool_calls": [{"function": {"name": "f"}}]}]}]}, LOST),
    ({"choices": [{"delta": {"message": X}}]}, LOST),
    ({"choices": [{"delta": {}, "tool_calls": [{"function": {"name": "f"}}]}]}, LOST),
    ({"choices": [{"Delta": {"Content": "x"}}]}, LOST),
    ({"Choices": [{"Delta": {"Content": "x"}}]}, LOST),
    ({"choices": [{"text": {"value": "x"}}]}, "x"),
    (
        {
            "choices": [
                {"delta": {"content": [{"text": "", "index": 1}, {"type": "text", "annotations": []}]}}
            ]
        },
        "",
    ),
    ({"choices": [{"delta": {"content": {"type": "text", "string": "x"}}}]}, LOST),
    ({"choices": [{"messages": [X]}]}, LOST),
    ({"token": {"text": "x"}}, LOST),
    ({"response": "x"}, LOST),
    ({"data": {"choices": [{"delta": X}]}}, LOST),
    ({"wrapped": {"choices": [{"delta": X}]}}, LOST),
    ("x", LOST),
    (["x"], LOST),
    (b"{'choices': [{'delta': {'content': 'x'}}]}", LOST),
    (rb'"{\"choices\": [{\"delta\": {\"content\": \"x', LOST),
]
GEMINI_FRAMES: list[tuple[Any, str | None]] = [
    ({"candidates": [{"content": {"parts": {"text": "x"}}}]}, "x"),
    ({"candidates": [{"content": {"parts": ["x"]}}]}, "x"),
    ({"candidates": [{"content": {"parts": "x"}}]}, "x"),
    ({"candidates": [{"content": "x"}]}, "x"),
    ({"candidates": [{"content": [{"text": "x"}]}]}, "x"),
    ({"candidates": {"content": {"parts": [{"text": "x"}]}}}, "x"),
    ({"candidates": [{"content": {"parts": [{"text": 5}]}}]}, "5"),
    ({"candidates": [{"content": {"parts": [{"text": {"value": "x"}}]}}]}, "x"),
    ({"response": {"candidates": [{"content": {"parts": [{"text": "x"}]}}]}}, "x"),
    (orjson.dumps({"candidates": [{"content": {"parts": [{"text": "x"}]}}]}).decode(), "x"),
    ({"candidates": ["x"]}, LOST),
    ({"candidates": "x"}, LOST),
    ({"candidates": [[{"content": {"parts": [{"text": "x"}]}}]]}, LOST),
    ({"candidates": [{"text": "x"}]}, LOST),
    ({"candidates": [{"content": {"text": "x"}}]}, LOST),
    ({"candidates": [{"content": {"parts": [{"content": "x"}]}}]}, LOST),
    ({"candidates": [{"content": {"parts": [{"functionCall": "f"}]}}]}, LOST),
    ({"candidate": {"content": {"parts": [{"text": "x"}]}}}, LOST),
    ({"candidates": [{"content": {"part": {"text": "x"}}}]}, LOST),
    ({"content": {"parts": [{"text": "x"}]}}, LOST),
    ({"text": "x"}, LOST),
    ({"choices": [{"delta": X}]}, LOST),
    ("x", LOST),
]
COHERE_FRAMES: list[tuple[Any, str | None]] = [
    ({"type": "content-delta", "delta": {"text": "x"}}, "x"),
    ({"type": "content-delta", "delta": X}, "x"),
    ({"type": "content-delta", "delta": "x"}, "x"),
    ({"type": "content-delta", "delta": {"message": "x"}}, "x"),
    ({"type": "content-delta", "delta": {"message": {"text": "x"}}}, "x"),
    ({"type": "content-delta", "delta": {"message": {"content": "x"}}}, "x"),
    ({"type": "content-delta", "delta": {"message": {"content": {"text": 5}}}}, "5"),
    ({"type": "content-delta", "message": X}, "x"),
    (orjson.dumps({"type": "content-delta", "delta": {"text": "x"}}).decode(), "x"),
    ({"type": "content-delta", "text": "x"}, LOST),
    ({"type": "content-delta", "content": {"text": "x"}}, LOST),
    ({"type": "content-delta", "choices": [{"delta": X}]}, LOST),
    ({"type": "content-delta", "delta": {"delta": {"text": "x"}}}, LOST),
    ({"type": "content-delta", "delta": {"message": {"content": {"text": [1]}}}}, LOST),
    ({"text": "x"}, LOST),
    ("x", LOST),
]
ALL = [
    (offer, odd, text)
    for offer, rows in ((OPENAI, OPENAI_FRAMES), (GEMINI, GEMINI_FRAMES), (COHERE, COHERE_FRAMES))
    for odd, text in rows
]


@pytest.mark.parametrize(("offer", "odd", "text"), ALL)
def test_text_in_an_odd_place_arrives_or_is_an_error(offer: Offer, odd: Any, text: str | None):
    assert said(offer, odd) == text


HARMLESS: list[tuple[Offer, Any]] = [
    (OPENAI, {}),
    (OPENAI, {"choices": []}),
    (OPENAI, {"choices": [{}]}),
    (OPENAI, {"choices": [None, 5]}),
    (OPENAI, {"choices": [{"delta": {"role": "assistant", "content": ""}}]}),
    (OPENAI, {"choices": [{"delta": {"role": "assistant", "content": None, "tool_calls": []}}]}),
    (OPENAI, {"choices": [{"delta": {"content": [{"type": "reference", "reference_ids": [1]}]}}]}),
    (OPENAI, {"choices": [{"delta": {"content": {"type": "image_url", "image_url": {"url": "data:"}}}}]}),
    (OPENAI, {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}),
    (OPENAI, {"choices": [], "prompt_filter_results": [{"content_filter_results": {"hate": {"filtered": False}}}]}),
    (OPENAI, {"choices": [{"delta": {}, "content_filter_results": {"error": {"message": "not filtered"}}}]}),
    (OPENAI, {"id": "1", "x_groq": {"id": "req", "usage": {"queue_time": 1}}}),
    (OPENAI, {"choices": [{"delta": {}}], "timings": {"prompt_n": 1}, "__verbose": {"content": "all", "prompt": "p"}}),
    (OPENAI, {"choices": [{"delta": {}}], "web_search": [{"content": "a page"}], "citations": ["u"]}),
    (OPENAI, {"type": "ping"}),
    (OPENAI, "ping"),
    (OPENAI, "[DONE]"),
    (OPENAI, ""),
    (GEMINI, {}),
    (GEMINI, {"candidates": [{"content": {"role": "model"}, "index": 0}], "modelVersion": "m"}),
    (GEMINI, {"candidates": [{"content": {"parts": [{"text": ""}]}, "safetyRatings": [{"category": "c"}]}]}),
    (GEMINI, {"candidates": [{"content": {"parts": [{"text": "", "thoughtSignature": "abc"}]}}]}),
    (GEMINI, {"candidates": [{"groundingMetadata": {"groundingSupports": [{"segment": {"text": "x"}}]}}]}),
    (GEMINI, {"usageMetadata": {"promptTokenCount": 1}, "modelVersion": "m", "responseId": "r"}),
    (COHERE, {"type": "content-end", "index": 0}),
    (COHERE, {"type": "content-start", "delta": {"message": {"content": {"type": "text", "text": ""}}}}),
    (COHERE, {"type": "debug", "prompt": "<|START|>"}),
    (COHERE, {"type": "tool-call-end", "index": 0}),
    (COHERE, {"type": "citation-end", "index": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("offer", "odd"), HARMLESS)
def test_what_says_nothing_costs_nothing(offer: Offer, odd: Any):
    assert said(offer, odd) == ""


@pytest.mark.parametrize("name", ["ping", "heartbeat", "message", "content-delta"])
@pytest.mark.parametrize("offer", [OPENAI, GEMINI, COHERE])
def test_an_events_name_does_not_hide_its_text(offer: Offer, name: str):
    whole = orjson.dumps(orjson.loads(event(offer, b"x").removeprefix(b"data: ")))

    assert said(offer, whole, name) == "x"
    assert said(offer, whole[:-3], name) is LOST


@pytest.mark.parametrize("noise", [b"{oops", b'"2026-08-01T00:00:00Z"', b"12", b"beat"])
def test_a_ping_is_none(noise: bytes):
    assert said(OPENAI, noise, "ping") == ""


def test_reasoning_in_an_object_arrives():
    for thought in ({"content": "hm"}, [{"type": "text", "text": "hm"}], {"text": {"value": "hm"}}):
        for name in ("reasoning", "reasoning_content", "thinking"):
            body = {"choices": [{"message": {"content": "x", name: thought}, "finish_reason": "stop"}]}
            streamed = {"choices": [{"delta": body["choices"][0]["message"]}]}
            stream = CODECS["openai"].open_stream(OPENAI)
            frames = b"data: " + orjson.dumps(streamed) + b"\n\n" + end(OPENAI)

            whole = parse(orjson.dumps(body), make_request(), OPENAI).choices[0]["message"]
            joined = join_chunks(stream.feed(frames) + stream.finish()).choices[0]["message"]

            assert whole["reasoning_content"] == joined["reasoning_content"] == "hm"
            assert whole["content"] == joined["content"] == "x"


REPEATED: dict[str, Any] = {"content": "ab", "reasoning_content": "hm"}


@pytest.mark.parametrize("other", [{"message": REPEATED}, {"text": "ab"}, {"delta": {}, "text": "ab"}])
def test_an_answer_that_is_repeated_whole_at_its_end_comes_once(other: dict[str, Any]):
    frames = [
        {"delta": {"reasoning_content": "hm"}},
        {"delta": {"content": "a"}},
        {"delta": {"content": "b"}},
        {"finish_reason": "stop", **other},
    ]
    body = b"".join(b"data: " + orjson.dumps({"choices": [choice]}) + b"\n\n" for choice in frames)
    stream = CODECS["openai"].open_stream(OPENAI)

    (choice,) = join_chunks(stream.feed(body) + stream.finish()).choices

    assert choice["message"] == {"role": "assistant", **REPEATED}


@pytest.mark.parametrize("whole", ["Hällo", "Hällo there"])
def test_a_message_at_the_end_adds_what_the_deltas_left_out(whole: str):
    pieces = [{"choices": [{"delta": {"content": text}}]} for text in ("Hä", "llo")]
    ends = {"choices": [{"delta": {}, "message": {"content": whole}, "finish_reason": "stop"}]}
    stream = CODECS["openai"].open_stream(OPENAI)
    body = b"".join(b"data: " + orjson.dumps(frame) + b"\n\n" for frame in [*pieces, ends])

    (choice,) = join_chunks(stream.feed(body) + stream.finish()).choices

    assert choice["message"]["content"] == whole


def test_a_message_that_grows_beside_the_deltas_comes_once():
    frames = [("a", "a"), ("", "a"), ("b", "ab"), ("", "ab")]
    choices = [
        {"delta": {"role": "assistant", "content": new}, "message": {"content": all_}} for new, all_ in frames
    ]
    body = b"".join(b"data: " + orjson.dumps({"choices": [choice]}) + b"\n\n" for choice in choices)
    stream = CODECS["openai"].open_stream(OPENAI)

    chunks = stream.feed(body + end(OPENAI)) + stream.finish()

    assert join_chunks(chunks).choices[0]["message"]["content"] == "ab"


def test_a_whole_message_in_one_frame_arrives():
    frame = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "length"}]
    }
    stream = CODECS["openai"].open_stream(OPENAI)

    (choice,) = join_chunks(stream.feed(b"data: " + orjson.dumps(frame) + b"\n\n") + stream.finish()).choices

    assert (choice["message"]["content"], choice["finish_reason"]) == ("x", "length")


def test_a_limit_without_choices_is_told():
    stream = CODECS["openai"].open_stream(OPENAI)
    body = event(OPENAI, b"x") + b'data: {"choices": [], "finish_reason": "length"}\n\ndata: [DONE]\n\n'

    assert join_chunks(stream.feed(body) + stream.finish()).choices[0]["finish_reason"] == "length"


COHERE_END: dict[str, Any] = {"finish_reason": "MAX_TOKENS"}


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ({"delta": {**COHERE_END, "message": {"content": {"text": "x"}}}}, "ax"),
        ({"delta": {**COHERE_END, "text": "x"}}, "ax"),
        (COHERE_END, "a"),
    ],
)
def test_coheres_ending_says_all_that_it_says(ending: dict[str, Any], text: str):
    stream = CODECS["cohere"].open_stream(COHERE)
    body = event(COHERE, b"a") + b"data: " + orjson.dumps({"type": "message-end", **ending}) + b"\n\n"

    (choice,) = join_chunks(stream.feed(body) + stream.finish()).choices

    assert (choice["message"]["content"], choice["finish_reason"]) == (text, "length")


WHOLE: list[tuple[Offer, Any, str | None]] = [
    (OPENAI, {"choices": [{"message": {"content": [{"type": "text", **X}, {"type": "text", "text": "y"}]}}]}, "xy"),
    (OPENAI, {"choices": [{"message": "x"}]}, "x"),
    (OPENAI, {"choices": [{"delta": X}]}, "x"),
    (OPENAI, {"choices": [{"message": {"content": ""}, "text": "x"}]}, "x"),
    (OPENAI, {"choices": {"message": X}}, "x"),
    (OPENAI, {"choices": None, "message": X}, "x"),
    (OPENAI, {"choices": [{"message": {"content": [{"type": "text", "text": "y"}, 5]}}]}, LOST),
    (OPENAI, {"choices": [{"message": {"content": [{"type": "text", "text": "y"}, {"x": "x"}]}}]}, LOST),
    (OPENAI, {"choices": [{"message": {"content": "y"}}, "x"]}, LOST),
    (GEMINI, {"candidates": [{"content": {"parts": [{"text": "x"}, "y"]}, "finishReason": "STOP"}]}, "xy"),
    (GEMINI, {"response": {"candidates": [{"content": "x", "finishReason": "STOP"}]}}, "x"),
    (GEMINI, {"candidates": [{"content": {"parts": [{"text": "x"}, {"content": "y"}]}}]}, LOST),
    (COHERE, {"message": {"content": [{"type": "text", "text": "x"}, {"type": "text", "content": "y"}]}}, "xy"),
    (COHERE, {"message": {"text": "x"}}, "x"),
    (COHERE, {"message": [{"type": "text", "text": "x"}]}, "x"),
    (COHERE, {"message": {}, "text": "x"}, LOST),
]  # fmt: skip


@pytest.mark.parametrize(("offer", "body", "text"), WHOLE)
def test_a_whole_answer_in_an_odd_shape_arrives_or_is_an_error(offer: Offer, body: Any, text: str | None):
    if text is LOST:
        with pytest.raises(UpstreamError) as caught:
            parse(orjson.dumps(body), make_request(), offer)
        assert caught.value.kind is ErrorKind.PARSING
    else:
        assert parse(orjson.dumps(body), make_request(), offer).choices[0]["message"]["content"] == text


def test_nesting_without_end_is_an_error():
    body: Any = "x"
    for _ in range(200):
        body = {"content": body}

    assert said(OPENAI, {"choices": [{"delta": body}]}) is LOST
    assert said(OPENAI, {"choices": [{"delta": {}, "response": body}]}) is LOST
    assert said(make_offer(preset=Preset(wire="cohere")), {"type": "x", "response": body}) is LOST


def test_choices_numbered_by_texts_stay_apart():
    choices = [{"index": "1", "message": {"content": "b"}}, {"index": "0", "message": {"content": "a"}}]
    frames = [{"choices": [{**choice, "finish_reason": "stop"}]} for choice in choices]
    stream = CODECS["openai"].open_stream(OPENAI)
    body = b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in frames)

    streamed = join_chunks(stream.feed(body) + stream.finish()).choices
    whole = parse(orjson.dumps({"choices": choices}), make_request(), OPENAI).choices

    assert [(choice["index"], choice["message"]["content"]) for choice in streamed] == [(0, "a"), (1, "b")]
    assert [(choice["index"], choice["message"]["content"]) for choice in whole] == [(1, "b"), (0, "a")]
