"""Immutable, versioned, in-memory views of slowly changing rows.

The request path reads `section.value` and never the database. Whoever writes a row of a section bumps its version in the same
transaction (`watch` does so for saves and deletes, `announce` for bulk updates). Every process polls the versions twice a second, and
when the bell is rung, and reloads what moved; its own writes it sees at commit. When the database is away, the last good value goes on
serving.
"""

import threading
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import structlog
from django.db import Error, models, transaction
from django.db.models import F
from django.db.models.signals import post_delete, post_save

from apps.core import bell, clock

log = structlog.get_logger("freeai.snapshot")

TELL_EVERY_S: Final = 60.0
"""That the database is away, while it is: it is asked twice a second."""

T = TypeVar("T")
SECTIONS: dict[str, "Section[Any]"] = {}


class NotLoadedError(RuntimeError):
    """A section was read before `load_all`."""


class Section(Generic[T]):
    """One view. `load` gets the previous value (None at first) and returns the new one; it runs off the event loop. `is_stale`: whether
    a value is to be loaded anew though no row has changed."""

    def __init__(
        self, name: str, load: Callable[[T | None], T], is_stale: Callable[[T], bool] = lambda _value: False
    ) -> None:
        self.is_stale = is_stale
        self.name = name
        self.version = -1
        self._load = load
        self._value: T | None = None
        self._lock = threading.Lock()
        SECTIONS[name] = self

    @property
    def value(self) -> T:
        """The current view. Raises NotLoadedError before the first load."""
        if self._value is None:
            raise NotLoadedError(self.name)
        return self._value

    @value.setter
    def value(self, value: T) -> None:
        self._value = value

    @property
    def loaded(self) -> bool:
        return self._value is not None

    def refresh(self) -> None:
        """Load anew. The version is read first: a change during the load is seen at the next poll. Raises DatabaseError."""
        with self._lock:
            version = _versions().get(self.name, 0)
            self._value = self._load(self._value)
            self.version = version

    def unload(self) -> None:
        """Forget the value, as a process that has not started."""
        self._value, self.version = None, -1


def load_all() -> None:
    """Load every section, at start. Raises DatabaseError."""
    for section in SECTIONS.values():
        section.refresh()


def poll() -> None:
    """Reload the sections whose version moved. Never raises: of what cannot be loaded the last good values serve."""
    global _told_at
    try:
        versions = _versions()
    except Error as error:
        if _told_at is None or clock.monotonic() - _told_at >= TELL_EVERY_S:
            _told_at = clock.monotonic()
            log.warning("snapshot.database_away", error=type(error).__name__)
        return
    _told_at = None
    for section in SECTIONS.values():
        if section.loaded and (
            versions.get(section.name, 0) != section.version or section.is_stale(section.value)
        ):
            _try_refresh(section)


def announce(name: str) -> None:
    """Bump a section's version with the current transaction; reload it here at commit, and let the others know."""
    from apps.core.models import SnapshotVersion

    rows = SnapshotVersion.objects.filter(section=name)
    if not rows.update(version=F("version") + 1):
        SnapshotVersion.objects.get_or_create(section=name)
        rows.update(version=F("version") + 1)
    transaction.on_commit(lambda: _refresh_own_write(name))


def watch(name: str, *watched: type[models.Model]) -> None:
    """Announce `name` at every save and delete of these models."""

    def changed(**_: object) -> None:
        announce(name)

    for model in watched:
        for signal in (post_save, post_delete):
            signal.connect(
                changed,
                sender=model,
                weak=False,
                dispatch_uid=f"snapshot:{name}:{model.__name__}:{id(signal)}",
            )


def _refresh_own_write(name: str) -> None:
    """At commit. Never raises: the row is written, and the next poll sees it all the same."""
    bell.ring()
    section = SECTIONS.get(name)
    if section is None or not section.loaded:
        return
    try:
        if _versions().get(name, 0) == section.version:
            return
    except Error as error:
        log.warning("snapshot.database_away", error=type(error).__name__)
        return
    _try_refresh(section)


def _try_refresh(section: Section[Any]) -> None:
    """One section that cannot be loaded, whatever the reason, must not keep the others from following."""
    try:
        section.refresh()
    except Error as error:
        log.warning("snapshot.database_away", error=type(error).__name__)
    except Exception as error:  # noqa: BLE001 - a row that its loader cannot read
        log.error("snapshot.section_failed", section=section.name, error=type(error).__name__)


def _versions() -> dict[str, int]:
    from apps.core.models import SnapshotVersion

    return dict(SnapshotVersion.objects.values_list("section", "version"))


_told_at: float | None = None
