"""Windows as the scripts take them. What the calendar says is worked out here, where zones are known, and once a window."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from apps.core.state.contract import Skew, Window
from apps.core.state.keys import CONCURRENCY, account_of, provider_key, provider_of
from apps.core.state.periods import NOW, ONCE, SECOND, bounds, seconds
from apps.core.state.suspects import may_grow
from apps.core.state.windows import LOOK_BACK

KEEP_S: Final = 32 * 86_400
"""What nobody asks for so long goes: a little more than the longest that anything but a window is remembered."""
FOR_EVER: Final = 0
MOST: Final = 20_000
NO_SKEW: Final = Skew()
encode = msgspec.msgpack.Encoder().encode


def as_text(raw: bytes) -> msgspec.Raw:
    """Bytes as the scripts take them: they know no other strings than those of text."""
    return msgspec.Raw(b"\xdb" + len(raw).to_bytes(4, "big") + raw)


def letter(window: Window) -> str:
    """Which counter counts it, as `windows.new_counter` has it."""
    if window.metric == CONCURRENCY:
        return "H"
    if window.period == ONCE:
        return "O"
    if window.margin_s and window.period == SECOND:
        return "S"
    return {"fixed": "F", "rolling": "R", "bucket": "B", "first_use": "U"}[window.kind]


class _Packed(NamedTuple):
    """`raw` says what is true from `begins` until `ends`; `keep_s`: how long its hash is of use, FOR_EVER for windows that never end."""

    window: Window
    place: int
    raw: msgspec.Raw
    begins: float
    ends: float
    keep_s: int


class Packer:
    """Of one process. `skews`: by the key of a provider."""

    def __init__(self, skews: Mapping[str, Skew]) -> None:
        self._skews = skews
        self._packed: dict[str, _Packed] = {}

    def pack(self, windows: Iterable[tuple[Window, int]], now: float) -> tuple[list[msgspec.Raw], int]:
        """Each window, with the place of its hash among the keys; and for how long their hashes are of use, in seconds."""
        raws: list[msgspec.Raw] = []
        keep_s, known = KEEP_S, self._packed
        for window, place in windows:
            packed = known.get(window.key)
            if (
                packed is None
                or not packed.begins <= now < packed.ends
                or packed.place != place
                or (packed.window is not window and packed.window != window)
            ):
                packed = self._packed_anew(window, place, now)
            raws.append(packed.raw)
            if packed.keep_s > keep_s:
                keep_s = packed.keep_s
            elif not packed.keep_s:
                keep_s = -1
        return raws, FOR_EVER if keep_s == -1 else keep_s

    def forget(self) -> None:
        """A clock is another."""
        self._packed.clear()

    def skew_of(self, window: Window) -> Skew:
        """By how much the clock is off of whoever enforces it."""
        if not self._skews or not window.margin_s:
            return NO_SKEW
        return self._skews.get(provider_key(provider_of(account_of(window.scope))), NO_SKEW)

    def _packed_anew(self, window: Window, place: int, now: float) -> _Packed:
        if len(self._packed) >= MOST:
            self._packed.clear()
        kind = letter(window)
        fields: dict[str, Any] = {
            "h": place,
            "f": window.key,
            "k": kind,
            "m": window.metric,
            "l": window.limit,
            "g": window.margin_s,
            "o": window.own,
            "c": window.certain,
            "t": may_grow(window),
            "P": window.period,
            "p": 0 if window.period in (ONCE, NOW) else seconds(window.period),
        }
        begins, ends = float("-inf"), float("inf")
        if kind == "F":
            begins, ends = self._calendar(window, fields, now)
        keep_s = FOR_EVER if kind == "O" else max(KEEP_S, LOOK_BACK * fields["p"] + 86_400)
        packed = _Packed(window, place, msgspec.Raw(encode(fields)), begins, ends, keep_s)
        self._packed[window.key] = packed
        return packed

    def _calendar(self, window: Window, fields: dict[str, Any], now: float) -> tuple[float, float]:
        skew = self.skew_of(window)
        margin_s = window.margin_s + skew.doubt_s
        behind_s = margin_s - skew.ahead_s
        start, end = bounds(window.period, window.zone, now - behind_s)
        beyond = bounds(window.period, window.zone, end)[1]
        fields |= {
            "ns": start,
            "ne": end,
            "s": start + behind_s,
            "e": end + behind_s,
            "n": beyond + behind_s,
            "a": skew.ahead_s,
            "g": margin_s,
            "lm": window.margin_s,
            "z": window.zone,
        }
        return start + behind_s, end + behind_s
