"""How many tokens calls turn out to have."""

from apps.providers import lengths
from apps.providers.claims import DEFAULT_COMPLETION_TOKENS, LONG_ANSWER_TOKENS
from apps.providers.lengths import Lengths

ONE, OTHER = "1:groq|one", "1:groq|other"
KEY, OTHER_KEY = 7, 8


def noted(*answers: int) -> Lengths:
    made = Lengths()
    for tokens in answers:
        made.note_answer(ONE, KEY, tokens)
    return made


def test_a_few_answers_say_nothing_of_the_next_one():
    assert noted(10, 10, 10, 10).expected(ONE, KEY, 7) == (7, DEFAULT_COMPLETION_TOKENS)


def test_an_answer_is_expected_twice_as_long_as_the_last_ones():
    assert noted(*[200] * 5).expected(ONE, KEY, 7) == (7, 400)
    assert noted(*[200] * 5, *[400] * 40).expected(ONE, KEY, 7).answer_tokens in range(780, 801)


def test_of_another_candidate_nothing_is_known():
    assert noted(*[200] * 5).expected(OTHER, KEY, 7) == (7, DEFAULT_COMPLETION_TOKENS)


def test_of_another_client_key_everybodys_answers_say_something_until_its_own_do():
    made = noted(*[200] * 5)
    assert made.expected(ONE, OTHER_KEY, 7) == (7, 400)

    for _ in range(5):
        made.note_answer(ONE, OTHER_KEY, 2_000)

    assert made.expected(ONE, OTHER_KEY, 7) == (7, 4_000)
    assert made.expected(ONE, KEY, 7) == (7, 400)


def test_an_answer_that_was_cut_only_tells_that_they_are_as_long_at_least():
    made = noted(*[200] * 5)

    made.note_answer(ONE, KEY, 10, is_cut=True)
    assert made.expected(ONE, KEY, 7) == (7, 400)

    for _ in range(40):
        made.note_answer(ONE, KEY, 1_000, is_cut=True)
    assert made.expected(ONE, KEY, 7).answer_tokens in range(1_950, 2_001)


def test_what_is_in_use_is_not_what_makes_room(monkeypatch):
    monkeypatch.setattr(lengths, "MOST", 4)
    made = noted(*[200] * 5)
    made.note_answer(OTHER, KEY, 100)
    made.note_answer(ONE, KEY, 200)

    made.note_answer("1:groq|third", KEY, 100)

    assert made.expected(ONE, KEY, 7) == (7, 400)


def test_the_longest_answers_are_expected_no_longer_than_a_long_one():
    assert noted(*[10**12] * 5).expected(ONE, KEY, 7).answer_tokens == LONG_ANSWER_TOKENS


def test_a_prompt_is_expected_as_its_provider_counts():
    made = Lengths()
    made.note_prompt(ONE, 100, 130)

    assert made.expected(ONE, KEY, 1000).prompt_tokens == 1300


def test_a_prompt_that_was_counted_as_less_is_expected_as_estimated():
    made = Lengths()
    made.note_prompt(ONE, 100, 60)

    assert made.expected(ONE, KEY, 1000).prompt_tokens == 1000


def test_a_short_or_an_absurd_prompt_does_not_mislead():
    made = Lengths()
    made.note_prompt(ONE, 10, 40)
    made.note_prompt(OTHER, 100, 10**9)

    assert made.expected(ONE, KEY, 1000).prompt_tokens == 1000
    assert made.expected(OTHER, KEY, 1000).prompt_tokens == 3000


def test_a_higher_count_is_forgotten_slowly():
    made = Lengths()
    made.note_prompt(ONE, 100, 200)
    for _ in range(50):
        made.note_prompt(ONE, 100, 100)

    assert made.expected(ONE, KEY, 1000).prompt_tokens in range(1000, 1010)


def test_remembers_no_more_candidates_than_it_may(monkeypatch):
    monkeypatch.setattr(lengths, "MOST", 2)
    made = Lengths()
    for candidate in ("a", "b", "c"):
        for _ in range(5):
            made.note_answer(candidate, None, 100)

    assert [made.expected(each, None, 0).answer_tokens for each in "abc"] == [
        DEFAULT_COMPLETION_TOKENS,
        200,
        200,
    ]
