"""What a process believes of the counters of all: a store in memory, fed by what it is told of its own calls and by a look ten times a
second. Requests are ranked by it, and an outage goes on with it; no quota is ever taken by it while Redis answers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from apps.core.state.averages import Averages
from apps.core.state.blocks import OPEN, Shut
from apps.core.state.contract import (
    Amounts,
    BreakerPolicy,
    Claim,
    Completion,
    Grant,
    Reason,
    Skew,
    Standing,
    Subject,
    Window,
)
from apps.core.state.counters.counter import Counter
from apps.core.state.counters.fixed import FixedCounter
from apps.core.state.keys import account_of, parse_window_key, provider_key, provider_of
from apps.core.state.lessons import Lessons
from apps.core.state.memory import MemoryStore
from apps.core.state.redis import records
from apps.core.state.redis.charges import Pace
from apps.core.state.redis.names import owner_of, owner_of_key

MOST_FIELDS = 500_000
_UNKNOWN = b"?"
"""Is no value."""


def fields_of(subject: Subject) -> dict[str, list[str]]:
    """What has to be read of a subject, by the hash that it is in."""
    credential, candidate = subject.credential, subject.candidate
    names = {
        credential: [
            *("t", f"k{credential}", f"u{credential}", f"b{credential}", f"r{credential}"),
            *(f"b{candidate}", f"r{candidate}", f"a{candidate}"),
        ]
    }
    for window in subject.windows:
        names.setdefault(owner_of(window), ["t"]).extend((f"w{window.key}", f"l{window.key}"))
    return names


class Mirror(MemoryStore):
    """`lessons` are those of the process: what it may probe with is its own. `others`: how fast other processes take."""

    def __init__(self) -> None:
        super().__init__()
        self.others = Pace()
        self._raws: dict[tuple[str, str], bytes | None] = {}

    @property
    def lessons(self) -> Lessons:
        return self._lessons

    @property
    def skews(self) -> dict[str, Skew]:
        return self._skews

    def knows(self, window: Window) -> bool:
        """Whether it was ever looked at."""
        return (owner_of(window), f"w{window.key}") in self._raws

    def written_at(self, owner: str) -> float | None:
        """When a hash was written last."""
        raw = self._raws.get((owner, "t"))
        return None if raw is None else float(records.decode(raw))

    def follow(self, now: float) -> None:
        """Notice when the clock was put back."""
        self._follow(now)

    def rewind(self, now: float) -> None:
        """The clock went back."""
        self._rewind(now)

    def tidy(self, now: float) -> None:
        """Drop what has nothing left to say."""
        self._sweep(now)

    def is_closed_for_all(self, service: str) -> bool:
        """Whether a provider is, or was lately."""
        return service in self._blocks.services

    def lend_health(self, other: MemoryStore) -> None:
        """Let another store go by the same blocks, breakers and averages."""
        other._blocks, other._breakers, other._averages = self._blocks, self._breakers, self._averages

    def counted(self, window: Window, now: float) -> int:
        """What is known to be taken of it, whatever its upstream reports."""
        return self._counter(window, now).used

    def limit_of(self, window: Window, now: float) -> int:
        """What the window admits, by what was learnt of it."""
        learnt = self._counter(window, now).learnt
        return window.limit if learnt is None else learnt.limit_of(window)

    def standing_of(self, subject: Subject, now: float) -> Standing:
        """As `view` tells it."""
        return self._standing(subject, now)

    def services(self) -> list[str]:
        """The providers that are closed for everybody, or were lately."""
        return [*self._blocks.services]

    def service_of(self, service: str) -> list[Any] | None:
        """What closes a provider for everybody: the block and its row."""
        block, row = self._blocks.blocks.get(service), self._blocks.rows.get(service)
        return None if block is None and row is None else [block, row]

    def load_services(self, raws: Mapping[str, bytes]) -> None:
        """What others say of that."""
        for service in [*self._blocks.services]:
            if service not in raws:
                self._blocks.services.discard(service)
                self._blocks.blocks.pop(service, None)
                self._blocks.rows.pop(service, None)
        for service, raw in raws.items():
            block, row = records.decode_service(raw)
            self._blocks.services.add(service)
            if block is not None:
                self._blocks.blocks[service] = block
            else:
                self._blocks.blocks.pop(service, None)
            if row is not None:
                self._blocks.rows[service] = row
            else:
                self._blocks.rows.pop(service, None)

    def forget_raws(self) -> None:
        """What is stored may be anything now."""
        self._raws = dict.fromkeys(self._raws, _UNKNOWN)

    def load(self, owner: str, names: Iterable[str], values: Iterable[bytes | None], now: float) -> None:
        """Take over fields of a hash."""
        if len(self._raws) > MOST_FIELDS:
            self._raws.clear()
        taught = []
        for name, raw in zip(names, values, strict=True):
            place = (owner, name)
            if raw == self._raws.get(place, b""):
                continue
            was, self._raws[place] = self._raws.get(place), raw
            if name[0] == "l":
                taught.append(name[1:])
            if name not in ("t", "x"):
                before = self._counters.get(name[1:]) if name[0] == "w" else None
                self._load(name[0], name[1:], raw or None, now)
                if before is not None and raw and was not in (None, _UNKNOWN):
                    self._note_pace(name[1:], before, now)
        for key in taught:
            if key in self._counters:
                self._counters[key].learnt = self._lessons.of(key)

    def count_open(self, candidate: str, count: int) -> None:
        """So many requests are under way there."""
        averages = self._averages.get(candidate)
        if averages is None:
            if not count:
                return
            averages = self._averages[candidate] = Averages()
        averages.in_flight = count

    def granted(self, claim: Claim, used: Sequence[int], now: float) -> Reason | None:
        """A claim was granted, and so much is used of its windows now. Returns the reason of the provider's block that it tries."""
        service = provider_key(provider_of(claim.subject.credential))
        row = self._blocks.rows.get(service) if self._blocks.rows else None
        tries = row.last.reason if row is not None and now < row.last.remembered_until else None
        named = (window for window in claim.subject.windows if window.metric in claim.amounts)
        for window, amount in zip(named, used, strict=False):
            self._take_over(window, amount, claim.amounts[window.metric], now)
        self._grant(claim, now)
        return tries

    def took(self, windows: Sequence[Window], used: Sequence[int], amounts: Amounts, now: float) -> None:
        """So much is used of a client key's windows, a request of this process with its `amounts` among it."""
        for window, amount in zip(windows, used, strict=True):
            self._take_over(window, amount, amounts.get(window.metric, 0), now)

    def lose_sight(self, subject: Subject) -> None:
        """Nobody looks at it any more: what is counted there may be anything."""
        for window in subject.windows:
            self._raws.pop((owner_of(window), f"w{window.key}"), None)

    def adopt(self, counters: Iterable[tuple[str, Counter]]) -> None:
        """What the ledger tells of windows at which nobody has looked here."""
        for key, counter in counters:
            if (owner_of_key(key), f"w{key}") not in self._raws:
                counter.learnt = self._lessons.of(key)
                self._counters[key] = counter

    def settled(self, grant: Grant, completion: Completion, policy: BreakerPolicy, now: float) -> None:
        """A grant has ended; what that taught is known already."""
        if grant.claim.id not in self._open:
            return
        self._open.remove(grant.claim.id)
        if completion.health == "success":
            self._lessons.succeeded(grant.claim.subject.credential)
        self._settle(grant, completion, now)
        for block in completion.blocks:
            self._blocks.add(block, now)
        averages = self._averages.get(grant.claim.subject.candidate)
        if averages is not None:
            averages.finish(completion, now)
        self._judge(grant, completion.health, policy, now)

    def service_shut(self, subject: Subject, now: float) -> Shut:
        """What closes the subject's provider for everybody; OPEN where nothing does."""
        if not self._blocks.services:
            return OPEN
        service = provider_key(provider_of(subject.credential))
        return self._blocks.shut(Subject(service, service), now)

    def counter_of(self, window: Window, now: float) -> Counter:
        return self._counter(window, now)

    def counters(self) -> dict[str, Counter]:
        return self._counters

    def health_fields(self) -> Iterator[tuple[str, str, bytes]]:
        """All that it knows but counters: owner, field and value."""
        services = self._blocks.services
        for scope, block in self._blocks.blocks.items():
            if scope not in services:
                yield account_of(scope), f"b{scope}", records.encode(block)
        for scope, row in self._blocks.rows.items():
            if scope not in services:
                yield account_of(scope), f"r{scope}", records.encode(row)
        for credential, breaker in self._breakers.items():
            yield credential, f"k{credential}", records.raw_breaker(breaker)
        for key, lesson in self._lessons.items():
            yield account_of(parse_window_key(key).scope), f"l{key}", records.encode(lesson)

    def _load(self, kind: str, key: str, raw: bytes | None, now: float) -> None:
        into: Any = {
            "w": self._counters,
            "b": self._blocks.blocks,
            "r": self._blocks.rows,
            "k": self._breakers,
            "a": self._averages,
        }.get(kind)
        if kind == "l":
            self._lessons.learn_of(key, None if raw is None else records.decode_lesson(raw))
        elif kind == "u":
            self._lessons.doubts.recall(key, None if raw is None else records.decode_pair(raw))
        elif raw is None:
            if kind != "a":
                into.pop(key, None)
        elif kind == "w":
            into[key] = self._loaded_counter(key, raw, now)
        elif kind == "a":
            averages = records.averages_from(raw)
            averages.in_flight = self._averages[key].in_flight if key in self._averages else 0
            into[key] = averages
        else:
            decode = {"b": records.decode_block, "r": records.decode_row, "k": records.breaker_from}[kind]
            into[key] = decode(raw)

    def _take_over(self, window: Window, used: int, own: int, now: float) -> None:
        counter, place = self._counter(window, now), (owner_of(window), f"w{window.key}")
        if (more := used - counter.used) > 0:
            if more > own and self._raws.get(place, _UNKNOWN) is not _UNKNOWN:
                self.others.add(window.key, more - own, now)
            counter.charge(more, now)
        self._raws.setdefault(place, _UNKNOWN)

    def _note_pace(self, key: str, before: Counter, now: float) -> None:
        """What is more than at the look before was taken by others: what is our own is counted. Of what was not looked at for a while, or
        was rebuilt, nothing tells when it was taken."""
        more = self._counters[key].used - before.used
        if more > 0 and now < before.stale_at:
            self.others.add(key, more, now)

    def _loaded_counter(self, key: str, raw: bytes, now: float) -> Counter:
        counter = records.counter_from(raw)
        counter.learnt = self._lessons.of(key)
        if self._skews and isinstance(counter, FixedCounter) and counter.least_margin_s:
            skew = self._skews.get(provider_key(provider_of(account_of(parse_window_key(key).scope))))
            if skew is not None and counter.ahead_s != skew.ahead_s:
                counter.set_clock(skew, now)
        return counter
