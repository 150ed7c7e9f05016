"""How a process comes to the counters of all: with its start, after an outage, and where they were lost.

Where they were lost one process rebuilds them, from the ledger up to a moment; every process adds what it took later than that, and what it
has under way, once. What a process took that died meanwhile nobody adds: it is what is missing then of the most that any had seen to be
used. They are used from when all that are known to live have done so, or did not in time.
"""

import asyncio
from collections.abc import Iterable, Mapping
from math import floor
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog

from apps.core import clock
from apps.core.state.contract import Block, BreakerPolicy, Completion, Grant, PastUsage, Window
from apps.core.state.keys import CONCURRENCY, EVERYBODY, account_of
from apps.core.state.memory import MemoryStore
from apps.core.state.redis import records
from apps.core.state.redis.away import Away
from apps.core.state.redis.charges import RECENT_S, Charges
from apps.core.state.redis.ending import LEASE_S, Ending
from apps.core.state.redis.names import Names, owner_of, owner_of_key, tag_of
from apps.core.state.redis.packing import KEEP_S
from apps.core.state.redis.session import Session

if TYPE_CHECKING:
    from apps.core.state.redis.member import Member

log = structlog.get_logger("freeai.state")

GATHER_S: Final = 2.0
ROUNDS: Final = 5
AT_ONCE: Final = 500


class Seen(NamedTuple):
    """What a process had seen to be `used` of a window, by whomever, when it knew last; and what it took itself `meanwhile`."""

    window: Window
    used: int
    meanwhile: int


async def join(member: "Member", session: Session, now: float) -> None:
    """Be one of those that share the counters that are there, or that this process makes. Raises LinkError, and what the ledger raises."""
    await session.rebuild(
        lambda names: _build(member, session, names, now), lambda: _add_early(member, session)
    )


async def come_back(member: "Member", session: Session) -> None:
    """Take in what happened meanwhile, and go on with all. Raises LinkError, LostEpochError, AheadError, and what the ledger raises."""
    away, last = member.away, member.session.names.epoch if member.session is not None else ""
    if away is None:
        return
    session.known = {name.encode() for name in member.fleet}
    await join(member, session, clock.now())
    if session.names.epoch == last:
        await _make_up(member, session)
    elif not await _is_added(member, session):
        await _add(member, session, session.names)
    for _ in range(ROUNDS):
        if not away.charges and not away.blocks:
            break
        await _merge(member, session, session.names, _taken_meanwhile(member, away).since(0.0), away)
    member.unknown.clear()
    await _switch(member, session, _taken_meanwhile(member, away), away)


def _taken_meanwhile(member: "Member", away: Away) -> Charges:
    """What this process took while it was away, and nobody was told of yet. From now on it is known here as what all took is: Redis may go
    again before it is looked at."""
    taken, away.charges = away.charges, Charges()
    now = clock.now()
    for window, later in taken.since(0.0):
        counter = member.mirror.counter_of(window, now)
        for at, amount in later:
            counter.correct(amount, min(at, now))
    return taken


async def _switch(member: "Member", session: Session, left: Charges, away: Away) -> None:
    """Nothing is granted here between the last look at what was and the first call to Redis: both are sent in one turn."""
    last = [
        session.send("merge", *call) for call in _merge_calls(member, session.names, left.since(0.0), away)
    ]
    member.open |= away.open
    member.session, member.away = session, None
    member.mirror.forget_raws()
    log.warning("state.redis_back", epoch=session.names.epoch)
    await asyncio.gather(*last, return_exceptions=True)
    await member.beat()
    await member.everybody.catch_up()


async def _build(member: "Member", session: Session, names: Names, now: float) -> set[str]:
    """Write what the ledger knows to have been used. Returns whose keys there are."""
    link, serves = session.link, bool(member.charges or member.open)
    key = session.names.of_all("processes")
    await asyncio.sleep(0 if serves else member.gather_s)
    others = [name for name in await link.call("ZRANGE", key, 0, -1) if name.decode() != member.name]
    cut = float(floor(now - RECENT_S)) if serves or others else now
    past = [] if member.read is None else list(await member.read(cut))
    fresh = MemoryStore()
    is_first = cut == now
    await fresh.restore(_reading(usage for usage in past if is_first or usage.at <= cut), now)
    by_owner: dict[str, dict[str, bytes]] = {}
    for window_key, counter in fresh.counters_by_key():
        by_owner.setdefault(owner_of_key(window_key), {})[f"w{window_key}"] = records.raw_counter(counter)
    for owner, field, raw in member.mirror.health_fields():
        by_owner.setdefault(owner, {})[field] = raw
    await _write(session, names, by_owner, now)
    await link.call("SET", names.of_all(f"cut:{names.epoch}"), repr(cut), "EX", 86_400)
    log.warning("state.rebuilt", epoch=names.epoch, windows=len(fresh.counters_by_key()), until=cut)
    return {tag_of(owner) for owner in by_owner}


def _reading(past: Iterable[PastUsage]) -> Any:
    rows = list(past)

    async def read(_now: float) -> list[PastUsage]:
        return rows

    return read


async def _write(session: Session, names: Names, by_owner: dict[str, dict[str, bytes]], now: float) -> None:
    """Under names that nobody uses yet."""
    for owner, fields in by_owner.items():
        items = [*fields.items(), ("t", records.encode(now))]
        key = names.hash_of(owner)
        for place in range(0, len(items), AT_ONCE):
            flat = [part for item in items[place : place + AT_ONCE] for part in item]
            await session.link.call("HSET", key, *flat)
        is_endless = any(name.endswith("/once") for name in fields)
        if not is_endless:
            await session.link.call("EXPIRE", key, 13 * KEEP_S)


async def _add_early(member: "Member", session: Session) -> None:
    """Add to counters that another process makes, before they are used."""
    names = await session.next_names()
    if names is not None and not await _is_added(member, session, names):
        await _add(member, session, names, is_early=True)


async def _is_added(member: "Member", session: Session, names: Names | None = None) -> bool:
    names = names or session.names
    return bool(await session.link.call("SISMEMBER", names.of_all(f"added:{names.epoch}"), member.name))


async def _add(member: "Member", session: Session, names: Names, *, is_early: bool = False) -> None:
    """What this process took later than the ledger was read, and what it has under way. Settling of grants in counters that are gone is
    part of it. `is_early`: nobody uses these counters yet, so that what is missing of them is what the dead took."""
    away = member.away
    cut = float((await session.link.call("GET", names.of_all(f"cut:{names.epoch}"))) or 0.0)
    member.endings.clear()
    member.unknown.clear()
    charges = Charges()
    for window, later in member.charges.since(cut):
        for at, amount in later:
            charges.add((window,), {window.metric: amount}, at)
    under_way = {**member.open, **(away.open if away is not None else {})}
    for grant in under_way.values():
        if grant.at <= cut:
            charges.add(grant.claim.subject.windows, grant.claim.amounts, grant.at)
    seen = _seen(member, clock.now()) if is_early else {}
    if away is not None:
        _taken_meanwhile(member, away)  # as part of what it took lately
    await _merge(member, session, names, charges.since(0.0), away, seen)
    await session.link.call("SADD", names.of_all(f"added:{names.epoch}"), member.name)


def _seen(member: "Member", now: float) -> dict[str, Seen]:
    """By the key of each window that is in sight here. Calls at a time are leases, and end by themselves."""
    away = member.away
    meanwhile: dict[str, int] = {}
    if away is not None:
        for window, later in away.charges.since(0.0):
            meanwhile[window.key] = sum(amount for _, amount in later)
    return {
        window.key: Seen(window, member.mirror.counted(window, now), meanwhile.get(window.key, 0))
        for window in member.in_sight()
        if window.metric != CONCURRENCY
    }


async def _make_up(member: "Member", session: Session) -> None:
    """The counters are those of before: what was asked and not answered is given back, what ended is settled."""
    member.session = session

    async def send(name: Any, owners: list[str], keys: list[str], arguments: Any) -> None:
        await session.run(name, owners, keys, arguments)

    for claim, at in [*member.unknown]:
        nothing = Completion(health="neutral", spent=dict.fromkeys(claim.amounts, 0))
        grant = Grant(claim, at)
        if member.settle is not None:
            await member.settle(Ending(grant, nothing, BreakerPolicy(), clock.now()), send)
    member.unknown.clear()
    while member.endings:
        if member.settle is not None:
            await member.settle(member.endings[0], send)
        member.endings.popleft()


async def _merge(
    member: "Member",
    session: Session,
    names: Names,
    taken: Iterable[tuple[Window, list[Any]]],
    away: Away | None,
    seen: Mapping[str, Seen] = MappingProxyType({}),
) -> None:
    for call in _merge_calls(member, names, taken, away, seen):
        await session.run("merge", *call, names=names)


def _merge_calls(
    member: "Member",
    names: Names,
    taken: Iterable[tuple[Window, list[Any]]],
    away: Away | None,
    seen: Mapping[str, Seen] = MappingProxyType({}),
) -> list[tuple[list[str], list[str], dict[str, Any]]]:
    """A call for each account and client key, each with a mark of its own: twice is as good as once."""
    by_owner: dict[str, list[tuple[Window, list[Any]]]] = {}
    told: set[str] = set()
    blocks: dict[str, list[Block]] = {}
    while away is not None and away.blocks:
        block = away.blocks.popleft()
        if not block.scope.startswith(EVERYBODY):  # those of providers are told to all
            blocks.setdefault(account_of(block.scope), []).append(block)
    for window, later in taken:
        by_owner.setdefault(owner_of(window), []).append((window, later))
        told.add(window.key)
    for key, (window, used, _) in seen.items():
        if used and key not in told:
            by_owner.setdefault(owner_of(window), []).append((window, []))
    under_way: dict[str, list[Any]] = {}
    for grant in [*member.open.values(), *(away.open.values() if away is not None else ())]:
        under_way.setdefault(grant.claim.subject.credential, []).append(grant)
    member.turn += 1
    now, calls = clock.now(), []
    for owner in dict.fromkeys((*by_owner, *under_way, *blocks)):
        some = [item for item in by_owner.get(owner, []) if item[0].metric != CONCURRENCY]
        grants = under_way.get(owner, [])
        held = _held(grants)
        windows = [(window, 2) for window, _ in [*some, *held]]
        raws, keep_s = member.packer.pack(windows, now)
        candidates = [grant.claim.subject.candidate for grant in grants]
        keys = [names.merged_of(owner, f"{member.name}:{member.turn}"), *map(names.grants_of, candidates)]
        arguments = {
            "now": now,
            "windows": raws,
            "charges": [later for _, later in [*some, *held]],
            "seen": [seen[window.key][1:] if window.key in seen else False for window, _ in [*some, *held]],
            "open": [[4 + place, grant.claim.id] for place, grant in enumerate(grants)],
            "mark": 3,
            "blocks": blocks.get(owner, []),
            "lessons": {},
            "keep": keep_s,
            "lease": LEASE_S,
        }
        calls.append(([owner], keys, arguments))
    return calls


def _held(grants: Iterable[Any]) -> list[tuple[Window, list[Any]]]:
    """Calls at a time, by whom they are held."""
    held: dict[str, tuple[Window, list[Any]]] = {}
    for grant in grants:
        for window in grant.claim.subject.windows:
            if window.metric == CONCURRENCY and (amount := grant.claim.amounts.get(CONCURRENCY)):
                held.setdefault(window.key, (window, []))[1].append([grant.at, amount, grant.claim.id])
    return [*held.values()]
