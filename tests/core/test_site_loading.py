"""What Django serves is imported behind the event loop, once, and before anybody is answered."""

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from apps.core.site_loading import loaded_late

PAGES = """
import threading, time
time.sleep(0.2)
thread = threading.get_ident()
"""


async def nothing(*_: object) -> Any:
    raise AssertionError("nobody reads or sends")


async def test_those_who_come_meanwhile_wait_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "pages_loaded_late.py").write_text(PAGES)
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[int] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(sys.modules["pages_loaded_late"].thread)

    serve = loaded_late(application, "pages_loaded_late")
    assert "pages_loaded_late" not in sys.modules
    loop = threading.get_ident()
    asked = [asyncio.ensure_future(serve({}, nothing, nothing)) for _ in range(3)]
    turns = 0
    while not all(each.done() for each in asked):
        await asyncio.sleep(0.01)
        turns += 1

    assert turns > 2
    assert len(seen) == 3
    assert loop not in seen
    del sys.modules["pages_loaded_late"]
