"""docs/ARCHITECTURE.md tells the house as it is: every module has its place there, and nothing is named that is gone."""

import re
from pathlib import Path

from tests.documents import Document

ROOT = Path(__file__).parents[1]
ROOMS = Document("ARCHITECTURE.md").section("Rooms")
WORDS = Document("ARCHITECTURE.md").text
EVERYWHERE = {"__init__", "models", "admin", "apps", "serializers", "views", "urls"}
WITHIN_A_ROOM = ("/commands/", "/migrations/", "/api/", "/chat/", "/expression/", "/reading/", "/management/")
ROOMS_NAMED = (
    "attempts|edge|endpoints|wire|process|adapters|core|providers|strategies|fakes|clients|analytics|accounts"
)
PLACE = re.compile(rf"`(?:gateway/)?((?:{ROOMS_NAMED})/[a-z_/]+)`")


def modules() -> set[str]:
    paths = [path for app in ("apps", "freeai") for path in (ROOT / app).rglob("*.py")]
    named = (
        path for path in paths if not any(part in f"/{path.relative_to(ROOT)}" for part in WITHIN_A_ROOM)
    )
    return {path.stem for path in named} - EVERYWHERE


def test_every_module_is_named_in_its_room():
    told = set(re.findall(r"[a-z_0-9]+", ROOMS))

    assert modules() - told == set()


def test_no_place_is_named_that_is_gone():
    roots = (ROOT, ROOT / "apps", ROOT / "apps/gateway", ROOT / "apps/providers")
    gone = [
        place
        for place in PLACE.findall(WORDS)
        if not any((root / place).exists() or (root / f"{place}.py").exists() for root in roots)
    ]

    assert gone == []
