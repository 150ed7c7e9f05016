"""Loops that must not end: what fails begins anew, and /readyz, the log and a metric tell meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from apps.core import snapshot
from apps.gateway import runtime, supervision
from apps.gateway.edge import probes
from apps.gateway.runtime import Runtime
from apps.gateway.supervision import BackOff, Loops
from tests.analytics.examples import Journal
from tests.asgi import Client


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    journal = Journal()
    monkeypatch.setattr(supervision, "log", journal)
    return journal


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE_S", 0.1)


@pytest.fixture
async def started(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runtime]:
    """A gateway on the test's database."""
    settings.FREEAI_SPOOL_DIR = tmp_path / "spool"
    monkeypatch.setattr(runtime, "POLL_INTERVAL_S", 0.02)
    gateway = Runtime()
    await gateway.start()
    runtime.install(gateway)
    yield gateway
    await probes.DATABASE.aclose()
    await gateway.stop()
    runtime.install(None)
    for section in snapshot.SECTIONS.values():
        section.unload()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - other tasks make it true
            await asyncio.sleep(0.005)


def up(task: str) -> float | None:
    return REGISTRY.get_sample_value("freeai_background_up", {"task": task})


def test_pauses_double_to_a_minute_and_begin_anew_after_a_good_one():
    pauses = BackOff()

    assert [pauses.after(0.0) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [pauses.after(60.0), pauses.after(59.0)] == [1, 2]


@pytest.mark.parametrize("raises", [True, False])
async def test_a_loop_that_ends_is_logged_and_begun_anew(raises: bool, journal: Journal, brief: None):
    begun: list[int] = []

    async def work() -> None:
        begun.append(1)
        if len(begun) > 1:
            await asyncio.Event().wait()
        if raises:
            raise RuntimeError("out of luck")

    loops = Loops()
    loops.keep("tests", work)
    await until(lambda: not supervision.all_up())
    while_down = up("tests")
    await until(supervision.all_up)

    assert (while_down, up("tests"), len(begun)) == (0, 1, 2)
    assert journal.names == ["background.failed" if raises else "background.ended"]
    await loops.stop()


async def test_a_loop_that_is_stopped_is_not_missed(journal: Journal, brief: None):
    async def work() -> None:
        raise RuntimeError("out of luck")

    loops = Loops()
    loops.keep("tests", work)
    await until(lambda: not supervision.all_up())
    await loops.stop()

    assert supervision.all_up()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("times", [1, 3])
async def test_a_loop_whose_library_takes_a_cancellation_for_its_own_ends_all_the_same(times: int):
    left = times

    async def work() -> None:
        nonlocal left
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if not left:
                    raise
                left -= 1

    loops = Loops()
    loops.keep("tests", work)
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await loops.stop()

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_loop_that_does_not_end_is_left_behind_and_named(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(supervision, "STOP_S", 0.3)
    over = asyncio.Event()

    async def work() -> None:
        while not over.is_set():
            with suppress(asyncio.CancelledError):
                await over.wait()

    loops = Loops()
    loops.keep("stubborn", work)
    loops.keep("tests", asyncio.Event().wait)  # type: ignore[arg-type]  # it never returns
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await loops.stop()
    over.set()

    assert journal.names == ["background.not_stopped"]


@pytest.mark.django_db(transaction=True)
async def test_writer_and_snapshot_follower_begin_anew_and_readyz_tells(
    started: Runtime, monkeypatch: pytest.MonkeyPatch, journal: Journal, brief: None
):
    client = Client()
    ready = [(await client.get("/readyz")).status]

    with monkeypatch.context() as broken:
        broken.setattr(snapshot, "poll", fail)
        broken.setattr(started.writer, "flush", fail)
        await until(lambda: up("snapshot") == up("writer") == 0)
        answer = await client.get("/readyz")
    await until(lambda: up("snapshot") == up("writer") == 1)
    ready += [answer.status, (await client.get("/readyz")).status]

    assert ready == [200, 503, 200]
    assert answer.json == {"status": "unavailable"}
    assert set(journal.names) == {"background.failed"}


def fail(*_: object) -> None:
    raise RuntimeError("out of luck")
