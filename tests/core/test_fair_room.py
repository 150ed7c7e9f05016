"""Room for so much in all, and for nobody more than is left for the others."""

from hypothesis import given
from hypothesis import strategies as st

from apps.core.fair_room import FairRoom


def filled(room: FairRoom[str], tenant: str) -> int:
    """How much one who never stops gets."""
    taken = 0
    while room.take(tenant, 1):
        taken += 1
    return taken


def test_who_is_alone_has_half_and_each_further_one_finds_room():
    room: FairRoom[str] = FairRoom(lambda: 1_000)

    got = [filled(room, name) for name in "abcd"]

    assert got == [500, 250, 125, 62]


def test_what_is_given_back_is_there_again():
    room: FairRoom[str] = FairRoom(lambda: 10)
    assert room.take("a", 5)
    assert not room.take("a", 1)

    room.give_back("a", 5)

    assert room.taken == 0
    assert room.take("a", 5)


def test_the_bound_is_read_when_it_is_used():
    bounds = [10]
    room: FairRoom[str] = FairRoom(lambda: bounds[0])
    assert not room.take("a", 6)

    bounds[0] = 12

    assert room.take("a", 6)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 40), st.booleans())))
def test_there_is_never_more_than_there_is(steps):
    room: FairRoom[str] = FairRoom(lambda: 100)
    held: list[tuple[str, int]] = []

    for tenant, amount, gives in steps:
        if gives and held:
            room.give_back(*held.pop())
        elif room.take(tenant, amount):
            held.append((tenant, amount))
        assert room.taken == sum(each for _, each in held) <= 100
