"""What is installed is what was locked: exact versions, each file by its hash, and nothing from anywhere but the index."""

import ast
import re
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from runpy import run_path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "requirements"
UNIMPORTED = {
    "argon2-cffi": "Django's hasher imports it",
    "tzdata": "zoneinfo reads it where the system has no time zones",
    "uvloop": "uvicorn takes it as its loop",
    "websockets": "uvicorn takes it for WebSockets",
}
"""What is required and no file of ours imports, and why."""
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


def asked_for(lock: str) -> set[str]:
    return {
        re.split(r"[\[~=<> ]", line.partition("#")[0].strip())[0].lower()
        for line in (FOLDER / f"{lock}.in").read_text().splitlines()
        if line.partition("#")[0].strip() and not line.startswith("-r")
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_all_that_is_asked_for_is_locked(lock: str):
    assert asked_for(lock) - set(pins(lock)) == set()


def imported() -> Iterator[str]:
    """Distributions that the files of what serves import, or name in settings."""
    owners = packages_distributions()
    for path in [ROOT / "manage.py", *(ROOT / "apps").rglob("*.py"), *(ROOT / "freeai").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            elif (
                path.parent.name == "freeai"
                and isinstance(node, ast.Constant)
                and isinstance(node.value, str)
            ):
                names = [node.value]
            for top in (name.partition(".")[0] for name in names):
                yield from (owner.lower() for owner in owners.get(top, (top,)))


def test_nothing_is_required_that_nobody_imports():
    unused = asked_for("base") | asked_for("export")
    unused -= {name.replace("_", "-") for name in imported()}

    assert unused == set(UNIMPORTED)


def test_a_bill_of_materials_is_the_lock_with_what_is_known_of_it():
    bill = run_path(str(FOLDER / "bill.py"))["bill"]
    hashes = [{"hashes": [{"alg": "SHA-256", "content": "00"}], "type": "distribution", "url": "x"}]
    locked = {
        "bomFormat": "CycloneDX",
        "components": [
            {"bom-ref": "requirements-L1", "name": name, "version": "1.0", "externalReferences": hashes}
            for name in ("django-x", "tools", "elsewhere")
        ],
    }
    licences = [{"license": {"id": "MIT"}}]
    tools = {"bom-ref": "tools==1.0", "name": "tools", "version": "1.0"}
    installed = {
        "components": [
            {"bom-ref": "Django_X==1.0", "name": "Django_X", "version": "1.0", "licenses": licences},
            tools,
            {"bom-ref": "pytest==9", "name": "pytest", "version": "9"},
        ],
        "dependencies": [
            {"ref": "Django_X==1.0", "dependsOn": ["pytest==9", "tools==1.0"]},
            {"ref": "pytest==9"},
        ],
    }

    made = bill(locked, installed)

    assert [each["name"] for each in made["components"]] == ["django-x", "tools", "elsewhere"]
    assert [each.get("licenses") for each in made["components"]] == [licences, None, None]
    assert all(each["externalReferences"] == hashes for each in made["components"])
    assert made["dependencies"] == [{"ref": "django-x==1.0", "dependsOn": ["tools==1.0"]}]
    tools["version"] = "1.1"
    with pytest.raises(Exception, match=r"tools is locked as 1\.0, and installed as 1\.1"):
        bill(locked, installed)


def test_what_is_tested_is_what_serves():
    serving, tested = pins("base"), pins("dev")

    assert {name: tested.get(name) for name in serving} == serving
