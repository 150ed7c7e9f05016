"""What refusals taught of one window."""

from typing import Protocol, TypeGuard

from msgspec import Struct


class Declared(Protocol):
    """A window, as far as that goes: its limit, and whether a person set it."""

    @property
    def limit(self) -> int: ...
    @property
    def own(self) -> bool: ...


class Lesson(Struct):
    """The window `key` admits `limit`, where it was `declared` to admit another number, or none (0).

    `why`: "refused" (that was used when it was), "probe" (more was asked for and granted), "" (nothing but that it was refused near its
    limit). `used`: what was counted then, `named`: the upstream said which window it was, `told`: and what it allows, `ceiling`, of which
    somebody else may take. `at`: when. `refusals` since something was granted beyond; `probe_at`: from when on more may be asked for, by
    `step`. `noted`: what was no proof yet, since `noted_at`, when `noted_used` were counted. `granted`: in one period not long before less
    was believed, 0 where nobody knows. Times are UTC epoch seconds.
    """

    key: str
    limit: int
    declared: int
    at: float
    why: str = ""
    used: int = 0
    named: bool = False
    told: bool = False
    refusals: int = 0
    probe_at: float = 0.0
    step: float = 0.0
    noted: int = 0
    noted_at: float = 0.0
    ceiling: int = 0
    noted_used: int = 0
    granted: int = 0

    @property
    def once(self) -> int:
        """What it may come back to: what is declared, or what was granted."""
        return max(self.declared, self.granted)

    @property
    def is_cut(self) -> bool:
        """Whether less is believed than that."""
        return 0 < self.limit < self.once

    def limit_of(self, window: Declared) -> int:
        """What the window admits. Where it is declared anew, that counts again."""
        if self.declared != window.limit or (window.own and self.limit > window.limit):
            return window.limit
        return self.limit


def holds(lesson: Lesson | None, window: Declared) -> TypeGuard[Lesson]:
    """Whether the lesson, and not the declaration, says what `window` admits: as it is declared, or already as it was learnt."""
    return (
        lesson is not None
        and lesson.limit != lesson.declared
        and window.limit in (lesson.limit, lesson.declared)
    )
