"""What is stored, as the objects that `apps/core/state` works with in memory, and back. The scripts read and write the same fields."""

from collections.abc import Callable
from math import inf
from typing import Any

import msgspec

from apps.core.state.averages import Averages
from apps.core.state.blocks import Row
from apps.core.state.breaker import Breaker
from apps.core.state.contract import Block, Skew
from apps.core.state.counters.bucket import BucketCounter
from apps.core.state.counters.counter import Cap, Counter
from apps.core.state.counters.endless import HeldCounter, OnceCounter
from apps.core.state.counters.first_use import FirstUseCounter
from apps.core.state.counters.fixed import FixedCounter
from apps.core.state.counters.rolling import Bucket, RollingCounter
from apps.core.state.counters.spacing import SpacingCounter
from apps.core.state.lesson import Lesson
from apps.core.state.periods import seconds

Fields = dict[str, Any]
decode = msgspec.msgpack.Decoder().decode
Raw = msgspec.Raw
encode = msgspec.msgpack.Encoder().encode
decode_block = msgspec.msgpack.Decoder(Block).decode
decode_row = msgspec.msgpack.Decoder(Row).decode
decode_service = msgspec.msgpack.Decoder(tuple[Block | None, Row | None]).decode
decode_skew = msgspec.msgpack.Decoder(Skew).decode
decode_lesson = msgspec.msgpack.Decoder(Lesson).decode


def counter_from(raw: bytes) -> Counter:
    """The counter of a window."""
    fields: Fields = decode(raw)
    counter = _MAKERS[fields["k"]](fields)
    counter.used = round(fields["u"])
    if "cu" in fields:
        counter.cap = Cap(round(fields["cl"]), fields["cs"], fields["cu"])
    if "M" in fields:
        counter.most, counter.most_until = round(fields["M"]), fields["E"]
    return counter


def raw_counter(counter: Counter, held: dict[str, list[float]] | None = None) -> bytes:
    """The inverse; `held`: of calls at a time, whose they are."""
    fields: Fields = {"u": counter.used}
    match counter:
        case FixedCounter():
            fields |= _fixed_fields(counter)
        case RollingCounter():
            flat: list[float] = []
            for index, bucket in sorted(counter.buckets.items()):
                flat += (index, bucket.amount, bucket.latest)
            fields |= {"k": "R", "B": flat, "P": counter.period, "g": counter.lasts_s - counter.size}
        case BucketCounter():
            fields |= {"k": "B", "v": counter.level, "A": counter.at, "r": counter.rate, "T": counter.told}
            fields |= {
                "a": counter.aside,
                "P": counter.period,
                "g": counter.margin_s,
                "S": _finite(counter.stale_at),
            }
        case FirstUseCounter():
            fields |= {"k": "U", "P": counter.period}
            fields |= {"s": _finite(counter.start), "e": _finite(counter.stale_at)}
        case SpacingCounter():
            fields |= {"k": "S", "g": counter.margin_s, "N": counter.narrower, "L": _finite(counter.latest)}
            fields |= {"f": counter.first_margin_s, "V": _finite(counter.previous)}
            fields |= {"C": [list(charge) for charge in counter.charges]}
        case HeldCounter():
            fields |= {"k": "H", "H": held or {}}
        case _:
            fields |= {"k": "O"}
    if counter.cap is not None:
        fields |= {"cl": counter.cap.left, "cs": counter.cap.since, "cu": counter.cap.until}
    if counter.most_until > -inf:
        fields |= {"M": counter.most, "E": counter.most_until}
    return encode({name: value for name, value in fields.items() if value is not None})


def held_of(raw: bytes) -> dict[str, list[float]]:
    """Of calls at a time, whose they are."""
    held = decode(raw).get("H") or {}
    return held if isinstance(held, dict) else {}


def breaker_from(raw: bytes) -> Breaker:
    fields: Fields = decode(raw)
    breaker = Breaker()
    breaker.failures = [float(at) for at in fields["failures"]]
    breaker.level = fields["level"]
    breaker.open_until = fields.get("open_until")
    breaker.opened_at, breaker.forget_at = fields["opened_at"], fields["forget_at"]
    breaker.trial, breaker.trial_until = fields["trial"], fields["trial_until"]
    return breaker


def raw_breaker(breaker: Breaker) -> bytes:
    fields = {name: getattr(breaker, name) for name in Breaker.__slots__}
    return encode({name: value for name, value in fields.items() if value is not None})


def averages_from(raw: bytes) -> Averages:
    """Without the requests under way: those are counted elsewhere."""
    fields: Fields = decode(raw)
    averages = Averages()
    averages.measured_at = fields["measured_at"]
    averages.success_rate = fields.get("success_rate")
    averages.latency_ema_ms, averages.last_latency_ms = (
        fields.get("latency_ema_ms"),
        fields.get("last_latency_ms"),
    )
    averages.ttfb_ema_ms = fields.get("ttfb_ema_ms")
    return averages


def _finite(value: float) -> float | None:
    return value if -inf < value < inf else None


def _blank(counter: Counter) -> None:
    Counter.__init__(counter)


def _fixed(fields: Fields) -> FixedCounter:
    counter = FixedCounter.__new__(FixedCounter)  # what its window is, it knows
    _blank(counter)
    counter.period, counter.zone = fields["P"], fields["z"]
    counter.least_margin_s, counter.margin_s, counter.ahead_s = fields["m"], fields["g"], fields["a"]
    counter.start, counter.stale_at = fields["s"], fields["e"]
    counter.late = round(fields["l"])
    return counter


def _fixed_fields(counter: FixedCounter) -> Fields:
    """A calendar knows whole seconds only."""
    behind_s = counter.margin_s - counter.ahead_s
    return {
        "k": "F",
        "l": counter.late,
        "ns": round(counter.start - behind_s),
        "ne": round(counter.stale_at - behind_s),
        "s": counter.start,
        "e": counter.stale_at,
        "a": counter.ahead_s,
        "g": counter.margin_s,
        "m": counter.least_margin_s,
        "P": counter.period,
        "z": counter.zone,
    }


def _rolling(fields: Fields) -> RollingCounter:
    counter = RollingCounter(fields["P"], fields["g"])
    flat = fields["B"]
    for place in range(0, len(flat), 3):
        bucket = counter.buckets[flat[place]] = Bucket(flat[place + 2])
        bucket.amount = round(flat[place + 1])
        counter.stale_at = min(counter.stale_at, bucket.latest + counter.lasts_s)
    return counter


def _bucket(fields: Fields) -> BucketCounter:
    counter = BucketCounter.__new__(BucketCounter)
    _blank(counter)
    counter.period, counter.size, counter.margin_s = fields["P"], seconds(fields["P"]), fields["g"]
    counter.rate, counter.level, counter.at, counter.told = fields["r"], fields["v"], fields["A"], fields["T"]
    counter.aside = fields.get("a", 0.0)
    counter.stale_at = fields.get("S", inf)
    return counter


def _first_use(fields: Fields) -> FirstUseCounter:
    counter = FirstUseCounter(fields["P"])
    counter.start, counter.stale_at = fields.get("s", -inf), fields.get("e", inf)
    return counter


def _spacing(fields: Fields) -> SpacingCounter:
    counter = SpacingCounter(fields["f"])
    counter.margin_s, counter.previous = fields["g"], fields.get("V", -inf)
    counter.narrower, counter.latest = fields["N"], fields.get("L", -inf)
    for at, amount in fields["C"]:
        counter.charges.append((at, amount))
    if counter.charges:
        counter.stale_at = counter.charges[0][0] + 1.0 + counter.margin_s
    return counter


_MAKERS: dict[str, Callable[[Fields], Counter]] = {
    "F": _fixed,
    "R": _rolling,
    "B": _bucket,
    "U": _first_use,
    "S": _spacing,
    "H": lambda _fields: HeldCounter(),
    "O": lambda _fields: OnceCounter(),
}


def decode_pair(raw: bytes) -> tuple[float, str]:
    """Refusals of an account that nothing explains, and the last candidate."""
    score, last = decode(raw)
    return float(score), str(last)
