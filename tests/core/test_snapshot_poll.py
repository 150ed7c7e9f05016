"""One section that cannot be loaded leaves the others following."""

import pytest
from django.db import InterfaceError
from structlog.testing import capture_logs

from apps.core import snapshot
from apps.core.snapshot import Section


@pytest.fixture
def sections(monkeypatch):
    """The registry, emptied for the test."""
    made: dict[str, Section] = {}
    monkeypatch.setattr(snapshot, "SECTIONS", made)
    return made


def test_broken_section_keeps_its_value_and_the_others_follow(sections, monkeypatch):
    loads = iter(["good"])
    broken = Section("broken", lambda previous: next(loads) if previous is None else int("no number"))
    sound = Section("sound", lambda previous: (previous or 0) + 1)
    monkeypatch.setattr(snapshot, "_versions", lambda: {"broken": 1, "sound": 1})
    snapshot.load_all()
    monkeypatch.setattr(snapshot, "_versions", lambda: {"broken": 2, "sound": 2})

    snapshot.poll()

    assert (broken.value, sound.value) == ("good", 2)


def test_dropped_connection_is_not_raised(sections, monkeypatch):
    def dropped():
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(snapshot, "_versions", dropped)

    snapshot.poll()


def test_that_the_database_is_away_is_told_at_first_and_once_a_minute(sections, monkeypatch):
    def dropped():
        raise InterfaceError("connection already closed")

    now = 0.0
    monkeypatch.setattr("apps.core.clock.monotonic", lambda: now)
    monkeypatch.setattr(snapshot, "_versions", dict)
    snapshot.poll()  # it was there
    monkeypatch.setattr(snapshot, "_versions", dropped)
    told = []
    for now in (0.0, 0.5, 1.0, 59.5, 60.0, 60.5):
        with capture_logs() as lines:
            snapshot.poll()
        if lines:
            told.append(now)

    assert told == [0.0, 60.0]

    monkeypatch.setattr(snapshot, "_versions", dict)
    snapshot.poll()
    monkeypatch.setattr(snapshot, "_versions", dropped)
    with capture_logs() as lines:
        snapshot.poll()
    assert [line["event"] for line in lines] == ["snapshot.database_away"]
