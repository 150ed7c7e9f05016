"""Who comes first when the pool is short: client keys that got less than their share of it. Nothing changes when it is not.

Shares are max-min: nobody needs more than they ask for, and what one leaves is the others'. A request of a key under its share that has
to wait holds the candidates that are free first: requests of keys at or over theirs leave those alone until it is served or gives up. So
a slot is never kept for somebody who is not there. What other processes count comes from `shares`. Pure but for its memory; `now` is an
argument, UTC epoch seconds.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from math import inf, sqrt
from typing import Final, NamedTuple, TypeVar

from msgspec import DecodeError, Struct, field, msgpack

from apps.clients.keys import Principal
from apps.gateway.attempts.waiting import next_candidates
from apps.strategies.ranking import Excluded

SPAN_S: Final = 60.0
PARTS: Final = 12
"""The span is counted in so many parts, and forgets one of them at a time."""
MOST_POOLS: Final = 1_000
MOST_CLIENTS: Final = 1_000
"""Of one pool."""
MOST_TOLD: Final = 2_000
"""Keys, and candidates that are waited for: the most that one process tells the others."""

T = TypeVar("T")


class _Client(Struct):
    """One key's last minute, by parts: when each began, what was asked for in it and what of that went out."""

    weight: float
    begun: list[int]
    asked: list[int]
    admitted: list[int]

    def at(self, part: int) -> int:
        """The place of the part that runs, emptied where it is another."""
        place = part % PARTS
        if self.begun[place] != part:
            self.begun[place], self.asked[place], self.admitted[place] = part, 0, 0
        return place

    def last_minute(self, part: int) -> tuple[int, int]:
        """Requests, and those that went out."""
        lately = [place for place, begun in enumerate(self.begun) if part - PARTS < begun <= part]
        return sum(self.asked[place] for place in lately), sum(self.admitted[place] for place in lately)


class Share(Struct, frozen=True):
    """Of a key: what it may expect of a minute, what it got in the last one, and what it asked for."""

    share: float
    admitted: int
    asked: int
    weight: float

    @property
    def is_under(self) -> bool:
        """Whether it comes first."""
        return self.admitted < self.share


class _Pool(Struct):
    """The keys of one user, who share a pool; the level of `fair_level` as of second `level_at`."""

    clients: dict[int, _Client] = field(default_factory=dict)
    level: float = inf
    level_at: int = -1


class _Lately(NamedTuple):
    """Of one key: its weight, and the requests of the last minute, with those that went out."""

    weight: float
    asked: int
    admitted: int


class _Told(Struct, array_like=True):
    """What one process tells the others: the keys of each user, and the candidates that are waited for."""

    pools: dict[int, dict[int, _Lately]]
    held: list[str]


class Fairness:
    """Of one process, and of what others told it. Pools and keys that came first make room for new ones."""

    def __init__(self) -> None:
        self._pools: dict[int, _Pool] = {}
        self._held: Counter[str] = Counter()
        self._others: dict[int, dict[int, _Lately]] = {}
        self._held_elsewhere: frozenset[str] = frozenset()

    def asked(self, user: int, client: int, weight: float, now: float) -> None:
        """A request of the key has come."""
        part = int(now * PARTS / SPAN_S)
        pool = self._pools.get(user)
        if pool is None:
            pool = _room(self._pools, MOST_POOLS)[user] = _Pool()
        known = pool.clients.get(client)
        if known is None:
            empty = [0] * PARTS
            known = _Client(weight, empty, [*empty], [*empty])
            _room(pool.clients, MOST_CLIENTS)[client] = known
        known.weight = weight
        known.asked[known.at(part)] += 1

    def admitted(self, user: int, client: int, now: float) -> None:
        """It has got a place upstream."""
        pool = self._pools.get(user)
        if pool is not None and (known := pool.clients.get(client)) is not None:
            known.admitted[known.at(int(now * PARTS / SPAN_S))] += 1

    def share(self, user: int, client: int, now: float) -> Share:
        """What the key may expect: of as much as went out in the last minute."""
        part = int(now * PARTS / SPAN_S)
        pool = self._pools.get(user)
        known = pool.clients.get(client) if pool is not None else None
        if pool is None or known is None:
            return Share(0.0, 0, 0, 1.0)
        others = self._others.get(user, {})
        if pool.level_at != int(now):
            pool.level, pool.level_at = _level(_summed(pool.clients, others, part)), int(now)
        asked, admitted = known.last_minute(part)
        if (elsewhere := others.get(client)) is not None:
            asked, admitted = asked + elsewhere.asked, admitted + elsewhere.admitted
        return Share(min(_wanted(asked), pool.level * known.weight), admitted, asked, known.weight)

    def told(self, now: float) -> bytes:
        """What the others have to know, empty where there is nothing."""
        part, room = int(now * PARTS / SPAN_S), MOST_TOLD
        pools: dict[int, dict[int, _Lately]] = {}
        for user, pool in self._pools.items():
            lately = {key: one for key, one in _summed(pool.clients, {}, part).items() if one.asked}
            if lately and len(lately) <= room:
                pools[user] = lately
                room -= len(lately)
        return _encode(_Told(pools, [*islice(self._held, MOST_TOLD)])) if pools else b""

    def hear(self, told: Iterable[bytes]) -> None:
        """What all others told, instead of what was heard before. What nobody can read is not heard."""
        others: dict[int, dict[int, _Lately]] = {}
        held: set[str] = set()
        for raw in told:
            try:
                one = _decode(raw)
            except DecodeError:  # of another version
                continue
            held.update(one.held)
            for user, lately in one.pools.items():
                known = others.setdefault(user, {})
                for key, more in lately.items():
                    before = known.get(key, _Lately(more.weight, 0, 0))
                    known[key] = _Lately(
                        more.weight, before.asked + more.asked, before.admitted + more.admitted
                    )
        self._others, self._held_elsewhere = others, frozenset(held)

    @property
    def is_holding(self) -> bool:
        """Whether anything is held for anybody."""
        return bool(self._held or self._held_elsewhere)

    def holds(self, candidate: str) -> bool:
        """Whether a key under its share waits for it."""
        return candidate in self._held or candidate in self._held_elsewhere

    @contextmanager
    def waiting_for(self, candidates: Iterable[str]) -> Iterator[None]:
        """A request of a key under its share waits for these."""
        wanted: Collection[str] = frozenset(candidates)
        self._held.update(wanted)
        try:
            yield
        finally:
            self._held.subtract(wanted)
            for candidate in wanted:
                if not self._held[candidate]:
                    del self._held[candidate]


def _summed(clients: Mapping[int, _Client], others: Mapping[int, _Lately], part: int) -> dict[int, _Lately]:
    """The last minute of each key, here and elsewhere."""
    lately = dict(others)
    for key, known in clients.items():
        asked, admitted = known.last_minute(part)
        elsewhere = others.get(key, _Lately(known.weight, 0, 0))
        lately[key] = _Lately(known.weight, asked + elsewhere.asked, admitted + elsewhere.admitted)
    return lately


def _level(lately: Mapping[int, _Lately]) -> float:
    wanted = {key: _wanted(one.asked) for key, one in lately.items() if one.asked}
    weights = {key: lately[key].weight for key in wanted}
    return fair_level(wanted, weights, sum(one.admitted for one in lately.values()))


def _wanted(asked: int) -> float:
    """A minute is a small sample: a little more than what was asked for."""
    return asked + sqrt(asked)


def _room(known: dict[int, T], most: int) -> dict[int, T]:
    """With room for one more."""
    if len(known) >= most:
        del known[next(iter(known))]
    return known


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(_Told).decode


def fair_level(wanted: Mapping[int, float], weights: Mapping[int, float], supply: float) -> float:
    """The most that a weight of 1 gets of `supply` where nobody gets more than they want; inf where there is enough."""
    left, weight = float(supply), sum(weights[key] for key in wanted)
    for key in sorted(wanted, key=lambda key: wanted[key] / weights[key]):
        level = left / weight
        if wanted[key] / weights[key] >= level:
            return level
        left -= wanted[key]
        weight -= weights[key]
    return inf


class Turn:
    """One request's part in it."""

    __slots__ = ("_fairness", "_is_first", "_is_taken", "_principal")

    def __init__(self, fairness: Fairness, principal: Principal, now: float) -> None:
        self._fairness = fairness
        self._principal = principal
        self._is_first = self._is_taken = False
        fairness.asked(principal.user_id, principal.client_id, principal.weight, now)

    def taken(self, now: float) -> None:
        """It has a place upstream; a second one is no second request."""
        if not self._is_taken:
            self._is_taken = True
            self._fairness.admitted(self._principal.user_id, self._principal.client_id, now)

    def must_yield(self, candidate: str) -> bool:
        """Whether a key under its share waits for the candidate, and this is not one of those."""
        return self._fairness.is_holding and not self._is_first and self._fairness.holds(candidate)

    @contextmanager
    def first(self, excluded: Iterable[Excluded], now: float) -> Iterator[None]:
        """It waits, in front of the others if its key is under its share."""
        share = self._fairness.share(self._principal.user_id, self._principal.client_id, now)
        self._is_first = share.is_under
        if not self._is_first:
            yield
            return
        with self._fairness.waiting_for(next_candidates(excluded)):
            yield
