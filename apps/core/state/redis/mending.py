"""A clock that went back: what a hash says of later times is put right, once, before anybody writes to it again."""

from typing import Final

from apps.core.state.contract import Subject
from apps.core.state.redis import records
from apps.core.state.redis.member import Member
from apps.core.state.redis.mirror import Mirror
from apps.core.state.redis.names import owner_of
from apps.core.state.redis.packing import as_text

BACK_S: Final = 10.0
"""As in the scripts, and in memory: less than that nobody minds."""


async def mend(member: Member, subject: Subject, now: float) -> None:
    """Raises LinkError, LostEpochError."""
    owners = dict.fromkeys((subject.credential, *map(owner_of, subject.windows)))
    for owner in owners:
        if owner or subject.windows:
            await _mend(member, owner, now)


async def _mend(member: Member, owner: str, now: float) -> None:
    raws = await member.whole(owner)
    was = raws.get("t")
    if was is None or now >= records.decode(was) - BACK_S:
        return
    there = Mirror()
    there.load(owner, raws.keys(), raws.values(), now)
    there.rewind(now)
    become: dict[str, bytes] = {"t": records.encode(now)}
    for key, counter in there.counters().items():
        become[f"w{key}"] = records.raw_counter(counter, records.held_of(raws[f"w{key}"]))
    become |= {name: raw for _, name, raw in there.health_fields() if name in raws}
    raws_become = {name: as_text(raw) for name, raw in become.items()}
    await member.run("swap", [owner], [], {"now": now, "were": {"t": as_text(was)}, "become": raws_become})
