"""Token counts that cannot be true are replaced by estimates, each for itself."""

import json
from typing import Any

import orjson
import pytest

from apps.providers.adapters.chat import CODECS
from apps.providers.adapters.embeddings import CODECS as EMBEDDINGS
from apps.providers.plausibility import Possible, corrected, most_answer, most_prompt
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


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Usage(300, 40), Usage(300, 40)),
        (Usage(301, 40), Usage(300, 40, estimated=True)),
        (Usage(300, 41), Usage(300, 40, estimated=True)),
        (Usage(5000, 50, cached_tokens=4000, reasoning_tokens=45), Usage(300, 40, 300, 40, estimated=True)),
        (Usage(10**9, 10), Usage(20, 10, estimated=True)),
    ],
)
def test_what_this_call_cannot_have_taken_is_the_most_that_it_can(said: Usage, told: Usage):
    assert corrected(said, ESTIMATE, OFFER, possible=Possible(prompt=300, completion=40)) == told


@pytest.mark.parametrize(
    ("sent", "images", "honest"),
    [
        (100, 0, 30_000),  # instructions of the provider's own
        (100_000, 0, 100_000),  # a token a byte, of a script that the vocabulary lacks
        (200, 1, 48_169),  # an image by its address, at a model that counts them thirty times
        (3_000, 16, 16 * 48_169),
    ],
)
def test_no_honest_prompt_is_cut(sent: int, images: int, honest: int):
    assert (most_prompt(sent, images) or 0) >= honest
    assert most_prompt(sent, None) is None


@pytest.mark.parametrize(
    ("characters", "seconds", "cap", "honest"),
    [
        (5, 0.05, None, 5_000),  # short thoughts, from a cache
        (5, 5.0, None, 100_000),  # long ones that nobody shows, on the fastest chips
        (5, 60.0, 100, 32_100),  # thoughts that do not count as the answer
        (1_000, 0.2, None, 4_000),  # each character three bytes, none in the vocabulary
        (4_000, 600.0, 10, 1_000),  # an upstream that does not know the cap
    ],
)
def test_no_honest_answer_is_cut(characters: int, seconds: float, cap: int | None, honest: int):
    assert most_answer(characters, seconds, cap) >= honest


def test_an_answer_of_five_characters_in_a_moment_is_no_hundred_thousand_tokens():
    assert most_answer(5, 0.1) < 15_000
    assert most_answer(5, 60.0, 100) < 100_000
    assert 0 < (most_prompt(1_000) or 0) < 100_000
