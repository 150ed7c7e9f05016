"""What the benchmark sends and answers with has the sizes and shapes that its figures are about."""

from itertools import islice

import orjson
import pytest

from benchmarks import texts, wire


@pytest.mark.parametrize("shape", ["", "frames_200_0"])
def test_request_has_its_size_whatever_it_asks_for(shape):
    body = wire.request_body("freeai-auto", shape)

    assert len(body) == wire.REQUEST_BYTES
    assert orjson.loads(body).get("stream", False) is bool(shape)


def test_answer_has_its_size():
    assert len(wire.whole_answer()) == wire.ANSWER_BYTES


def test_shape_of_a_stream_is_read_from_the_request():
    body = wire.request_body("freeai-auto", "frames_50_100")

    assert wire.read_shape(body) == wire.Shape(50, 0.1, usage=False)


def test_request_without_stream_asks_for_a_whole_answer():
    assert wire.read_shape(wire.request_body("frames_50_100")) is None


def test_usage_frame_is_sent_to_those_who_ask():
    body = b'{"stream":true,"stream_options":{"include_usage":true},"model":"frames_3_0"}'

    assert wire.read_shape(body) == wire.Shape(3, 0.0, usage=True)


def test_frames_per_stream_are_bounded():
    shape = wire.read_shape(b'{"stream":true,"model":"frames_99999_0"}')

    assert shape is not None
    assert shape.frames == wire.MAX_FRAMES


def test_no_two_prompts_are_alike_and_their_lengths_vary():
    bodies = list(islice(texts.numbered(texts.prompts("m")), 1_000))

    said = [orjson.loads(body)["messages"][1]["content"] for body in bodies]
    assert len(set(said)) == len(said)
    assert len({len(text) for text in said}) > 100


def test_turns_of_agents_are_large_and_end_with_what_a_tool_said():
    bodies = texts.agent_turns("m")

    assert all(36_000 <= len(body) <= 44_000 for body in bodies)
    turn = orjson.loads(next(texts.numbered(bodies)))
    assert [message["role"] for message in turn["messages"]].count("tool") == texts.AGENT_TURNS
    assert turn["messages"][-1]["content"].startswith("#00000000 ")
    assert len(turn["tools"]) == len(texts.AGENT_TOOLS)
