"""/readyz while the database hangs."""

import threading

from apps.gateway.edge import probes
from apps.gateway.edge.probes import DatabaseProbe


async def test_a_database_that_hangs_is_not_ready_and_is_asked_once(monkeypatch):
    asked: list[int] = []
    back = threading.Event()

    def hanging() -> bool:
        asked.append(1)
        return back.wait(10)

    monkeypatch.setattr(probes, "_database_answers", hanging)
    monkeypatch.setattr(probes, "DATABASE_TIMEOUT_S", 0.05)
    probe = DatabaseProbe()

    away = [await probe.answers(), await probe.answers()]
    back.set()
    monkeypatch.setattr(probes, "DATABASE_TIMEOUT_S", 5.0)

    assert (away, await probe.answers(), asked) == ([False, False], True, [1])
