"""What is installed is what was locked: exact versions, each file by its hash, and nothing from anywhere but the index."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "requirements"
PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9.-]*)(\[[a-z0-9,-]+\])?==(?P<version>[^ ;\\]+)( ; [^\\]+)? ?\\?")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
LOCKS = sorted(path.stem for path in FOLDER.glob("*.in"))


def pins(lock: str) -> dict[str, str]:
    """Version by name. Raises AssertionError for a line that is anything else than a pin, a hash or a comment."""
    found: dict[str, str] = {}
    hashed: set[str] = set()
    name = ""
    for line in (FOLDER / f"{lock}.txt").read_text().splitlines():
        if not line or line.lstrip().startswith("#"):
            continue
        if HASH.fullmatch(line):
            hashed.add(name)
            continue
        pin = PIN.fullmatch(line)
        assert pin, f"{lock}.txt: {line!r} is no pin"
        name = pin["name"]
        found[name] = pin["version"]
    assert hashed == set(found), f"{lock}.txt: without a hash: {sorted(set(found) - hashed)}"
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_an_exact_version_with_hashes(lock: str):
    assert pins(lock)


@pytest.mark.parametrize("lock", LOCKS)
def test_all_that_is_asked_for_is_locked(lock: str):
    asked = {
        re.split(r"[\[~=<> ]", line.partition("#")[0].strip())[0].lower()
        for line in (FOLDER / f"{lock}.in").read_text().splitlines()
        if line.partition("#")[0].strip() and not line.startswith("-r")
    }

    assert asked - set(pins(lock)) == set()


def test_what_is_tested_is_what_serves():
    serving, tested = pins("base"), pins("dev")

    assert {name: tested.get(name) for name in serving} == serving
