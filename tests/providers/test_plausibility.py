"""Token counts that cannot be true are replaced by estimates, each for itself."""

import json
from typing import Any

import orjson
import pytest

from apps.providers.adapters.chat import CODECS
from apps.providers.adapters.embeddings import CODECS as EMBEDDINGS
from apps.providers.plausibility import corrected
from apps.providers.types import ChatWire, Preset, Usage
from tests.factories import make_offer

WINDOW = 8192
OFFER = make_offer(context_window=WINDOW)
ESTIMATE = Usage(20, 7, estimated=True)
ABSURD = [1e30, 10**30, -5, "12", True, False, [5], {"tokens": 5}, WINDOW + 1, 0, None]


def read(wire: ChatWire, prompt: Any, completion: Any) -> Usage | None:
    """The usage of a whole answer that states these counts; None as a count is NaN on the wire."""
    bodies: dict[str, Any] = {
        "openai": {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}},
        "gemini": {
            "candidates": [],
            "usageMetadata": {"promptTokenCount": prompt, "candidatesTokenCount": completion},
        },
        "cohere": {
            "message": {},
            "usage": {"tokens": {"input_tokens": prompt, "output_tokens": completion}},
        },
    }
    body = json.dumps(bodies[wire]).replace("null", "NaN").encode()
    return CODECS[wire].parse(body, make_offer(preset=Preset(wire=wire))).usage


@pytest.mark.parametrize("wire", ["openai", "gemini", "cohere"])
@pytest.mark.parametrize("absurd", ABSURD)
def test_an_absurd_count_is_estimated_and_the_other_kept(wire: ChatWire, absurd: Any):
    assert corrected(read(wire, absurd, 9), ESTIMATE, OFFER) == Usage(20, 9, estimated=True)
    assert corrected(read(wire, 30, absurd), ESTIMATE, OFFER) == Usage(30, 7, estimated=True)


def test_what_can_be_true_is_believed():
    said = Usage(WINDOW - 5, 5, cached_tokens=9, reasoning_tokens=5)

    assert corrected(said, ESTIMATE, OFFER) is said
    assert corrected(None, ESTIMATE, OFFER) is ESTIMATE
    assert corrected(Usage(0, 0), Usage(0, 0, estimated=True), OFFER) == Usage(0, 0)


def test_parts_are_no_more_than_the_whole():
    told = corrected(Usage(10, 5, cached_tokens=10**30, reasoning_tokens=6), ESTIMATE, OFFER)

    assert told == Usage(10, 5, cached_tokens=10, reasoning_tokens=5)


@pytest.mark.parametrize(("said", "believed"), [(2_000_000, 2_000_000), (2_000_001, 20)])
def test_an_unknown_window_has_a_bound_too(said: int, believed: int):
    offer = make_offer(context_window=0)

    assert corrected(Usage(said, 5), ESTIMATE, offer).prompt_tokens == believed


TOGETHER = Preset(answer_in_window=True)
APART = Preset(answer_in_window=False)


@pytest.mark.parametrize(
    ("preset", "said", "answers", "believed"),
    [
        (TOGETHER, Usage(WINDOW - 5, 5), 1, True),
        (TOGETHER, Usage(WINDOW - 5, 6), 1, False),
        (TOGETHER, Usage(WINDOW, WINDOW), 1, False),
        (TOGETHER, Usage(WINDOW - 5, 10), 2, True),
        (TOGETHER, Usage(WINDOW - 5, 11), 2, False),
        (APART, Usage(WINDOW, WINDOW), 1, True),
    ],
)
def test_prompt_and_answer_fit_where_they_share_the_window(
    preset: Preset, said: Usage, answers: int, believed: bool
):
    told = corrected(said, ESTIMATE, make_offer(context_window=WINDOW, preset=preset), answers=answers)

    assert told == (said if believed else ESTIMATE)


@pytest.mark.parametrize("preset", [TOGETHER, APART])
@pytest.mark.parametrize(
    ("said", "answers", "believed"), [(100, 1, 100), (101, 1, 7), (200, 2, 200), (201, 2, 7)]
)
def test_no_answer_is_longer_than_the_model_gives(preset: Preset, said: int, answers: int, believed: int):
    offer = make_offer(context_window=WINDOW, max_output_tokens=100, preset=preset)

    told = corrected(Usage(30, said), ESTIMATE, offer, answers=answers)

    assert (told.prompt_tokens, told.completion_tokens) == (30, believed)
    assert told.estimated is (believed != said)


def test_each_prompt_and_each_answer_may_fill_the_window():
    assert corrected(Usage(3 * WINDOW, 0), Usage(20, 0), OFFER, prompts=3) == Usage(3 * WINDOW, 0)
    assert corrected(Usage(5, 2 * WINDOW - 10), ESTIMATE, OFFER, answers=2) == Usage(5, 2 * WINDOW - 10)


@pytest.mark.parametrize("absurd", [1e30, -5, "12", True, [5]])
@pytest.mark.parametrize("wire", ["openai", "cohere"])
def test_embeddings_state_absurd_counts_too(wire: str, absurd: Any):
    bodies: dict[str, Any] = {
        "openai": {"data": [{"embedding": [1.0]}], "usage": {"prompt_tokens": absurd}},
        "cohere": {"embeddings": {"float": [[1.0]]}, "meta": {"billed_units": {"input_tokens": absurd}}},
    }

    usage = EMBEDDINGS[wire].parse(orjson.dumps(bodies[wire]), 1, make_offer()).usage

    assert corrected(usage, Usage(20, 0, estimated=True), OFFER) == Usage(20, 0, estimated=True)
