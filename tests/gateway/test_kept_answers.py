"""Answers that are kept: for their client key, for an hour, as many as there is room for."""

from hypothesis import given
from hypothesis import strategies as st

from apps.gateway.kept_answers import KEPT_S, OVERHEAD_BYTES, KeptAnswers

ANN, BEN = 1, 2
NOW = 1000.0


def kept(room: int = 10, of_one: int = 10) -> KeptAnswers:
    """Room for so many answers of a byte each."""
    return KeptAnswers(room * (OVERHEAD_BYTES + 1), of_one * (OVERHEAD_BYTES + 1))


def test_who_has_another_key_finds_nothing():
    answers = kept()
    assert answers.put(ANN, "a", [b"said", b"asked"], NOW)

    assert answers.get(ANN, "a", 0, NOW) == b"said"
    assert answers.get(ANN, "a", 1, NOW) == b"asked"
    assert answers.get(BEN, "a", 0, NOW) is None
    assert not answers.drop(BEN, "a")
    assert answers.drop(ANN, "a")
    assert answers.get(ANN, "a", 0, NOW) is None
    assert answers.size == 0


def test_no_text_is_in_memory_as_it_was():
    answers = kept()
    answers.put(ANN, "a", [b"a very secret text, that nobody shall find"], NOW)

    (held,) = answers._all.values()

    assert all(b"secret" not in part for part in held.parts)


def test_after_an_hour_it_is_gone():
    answers = kept()
    answers.put(ANN, "a", [b"x"], NOW)
    answers.put(ANN, "b", [b"y"], NOW + 1)

    assert answers.get(ANN, "a", 0, NOW + KEPT_S - 0.1) == b"x"
    assert answers.get(ANN, "a", 0, NOW + KEPT_S) is None
    answers.expire(NOW + KEPT_S)
    assert (answers.get(ANN, "b", 0, NOW), answers.size) == (b"y", OVERHEAD_BYTES + 1)


def test_the_oldest_makes_room_of_its_own_key_first():
    answers = kept(room=3, of_one=2)
    for client, name in ((BEN, "old"), (ANN, "a"), (ANN, "b"), (ANN, "c")):
        answers.put(client, name, [b"x"], NOW)

    assert [answers.get(ANN, name, 0, NOW) for name in "abc"] == [None, b"x", b"x"]
    assert answers.get(BEN, "old", 0, NOW) == b"x"
    answers.put(BEN, "new", [b"x"], NOW)
    assert answers.get(BEN, "old", 0, NOW) is None


def test_what_is_too_large_for_one_key_is_not_kept():
    answers = kept(of_one=2)

    assert not answers.put(ANN, "a", [b"x" * 3 * OVERHEAD_BYTES], NOW)
    assert answers.size == 0


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from("abcd"), st.integers(0, 3000), st.booleans()),
        max_size=40,
    )
)
def test_its_bounds_hold_whatever_comes(steps):
    answers = kept(room=5, of_one=3)
    for at, (client, name, length, is_dropped) in enumerate(steps):
        if is_dropped:
            answers.drop(client, name)
        else:
            answers.put(client, name, [b"x" * length], NOW + at * 600)
        sizes = [each.size for each in answers._all.values()]
        assert sum(sizes) == answers.size <= 5 * (OVERHEAD_BYTES + 1)
        for one in (1, 2, 3):
            own = sum(each.size for (of, _), each in answers._all.items() if of == one)
            assert own <= 3 * (OVERHEAD_BYTES + 1)
            assert own == answers._used.get(one, 0)
