"""What the benchmarks start ends by itself, but not before what it was started for."""

import sys
from pathlib import Path

import pytest

from benchmarks.gateway import Gateway
from benchmarks.processes import LIFETIME_S
from benchmarks.soak import __main__ as soak

LEFT = """
import pathlib, signal, sys
pathlib.Path(__file__).with_name("left").write_text(str(signal.alarm(0)))
sys.exit(1)
"""
"""A gateway that says in how many seconds the kernel would have ended it, and ends."""


def left_s(directory: Path, lifetime_s: int = LIFETIME_S) -> int:
    program = directory / "program.py"
    program.write_text(LEFT)
    gateway = Gateway(
        directory / "gateway", program=[sys.executable, str(program)], root=directory, lifetime_s=lifetime_s
    )
    with pytest.raises(RuntimeError, match="freeai ended"):
        gateway.start()
    return int((directory / "left").read_text())


def test_a_gateway_ends_when_whoever_started_it_was_killed(tmp_path: Path):
    assert 0 < left_s(tmp_path) <= LIFETIME_S


def test_a_gateway_outlives_the_longest_soak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made: list[int] = []

    class RefusedError(Exception):
        pass

    def refuse(_: Path, *, lifetime_s: int, **__: object) -> None:
        made.append(lifetime_s)
        raise RefusedError

    monkeypatch.setattr(soak, "Gateway", refuse)
    monkeypatch.setattr(sys, "argv", ["soak", "--minutes", "180"])
    with pytest.raises(RefusedError):
        soak.main()

    [lifetime_s] = made
    assert lifetime_s > 180 * 60 + soak.LAST_S + soak.SETTLED_S
    assert left_s(tmp_path, lifetime_s=lifetime_s) > lifetime_s - 60
