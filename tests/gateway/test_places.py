"""Where workers serve: one address for several, which outlives them, and pauses that keep nobody waiting."""

import select
import socket
from collections.abc import Iterator

import pytest

from apps.gateway.process import listening
from apps.gateway.process.listening import AddressError
from apps.gateway.process.workers.place import PROVEN_S, Place

PLACES = 3
CLIENTS = 90

pytestmark = pytest.mark.skipif(not listening.SPREADS, reason="this system shares out nothing")


@pytest.fixture
def places() -> Iterator[list[Place]]:
    sockets = listening.listen("127.0.0.1", 0, spreads=True)
    made = [Place(some) for some in listening.spread(sockets, PLACES)]
    yield made
    for place in made:
        place.close()


def address(places: list[Place]) -> tuple[str, int]:
    found: tuple[str, int] = next(place.sockets for place in places if place.sockets)[0].getsockname()
    return found


def come(places: list[Place]) -> list[int]:
    """How many of CLIENTS wait in each."""
    clients = [socket.create_connection(address(places), timeout=5) for _ in range(CLIENTS)]
    counts = []
    for place in places:
        counts.append(0)
        for each in place.sockets:
            while select.select([each], [], [], 0)[0]:
                each.accept()[0].close()
                counts[-1] += 1
    for client in clients:
        client.close()
    return counts


def test_connections_are_shared_out(places: list[Place]):
    counts = come(places)

    assert sum(counts) == CLIENTS
    assert min(counts) > 0


def test_another_gateway_gets_no_part_of_them(places: list[Place]):
    for spreads in (False, True):
        with pytest.raises(AddressError, match="another process listens there"):
            listening.listen(*address(places), spreads=spreads)


def test_who_served_long_enough_is_followed_at_once_and_nobody_is_refused(places: list[Place]):
    pause_s = places[0].lost(PROVEN_S, 100.0)

    assert (pause_s, places[0].due_at) == (0.0, 100.0)
    assert sum(come(places)) == CLIENTS and places[0].sockets


def test_who_dies_young_is_followed_later_and_the_others_have_all(places: list[Place]):
    pauses = [places[0].lost(0.1, 100.0) for _ in range(8)]
    meanwhile = come(places)

    places[0].open()
    again = come(places)

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert meanwhile[0] == 0 and sum(meanwhile) == CLIENTS
    assert min(again) > 0 and places[0].due_at is None
