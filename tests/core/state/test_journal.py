"""What a single process closed stays closed after it was killed. The file is all that the two stores of a test share."""

import os
from pathlib import Path

import pytest
import structlog

from apps.core.state.contract import Block, Completion
from apps.core.state.journal import MAX_LINES, Journal
from apps.core.state.memory import MemoryStore
from tests.core.state.builders import (
    CANDIDATE,
    CREDENTIAL,
    NOON,
    finish,
    reading,
    refused,
    standing,
    subject,
    take,
)


async def started(path: Path, now: float = NOON) -> MemoryStore:
    store = MemoryStore(Journal(path))
    await store.restore(reading([]), now)
    return store


async def close(store: MemoryStore, *blocks: Block, now: float = NOON) -> None:
    grant = await take(store, subject(candidate="groq-1|another"), now)
    await finish(store, grant, Completion(health="neutral", blocks=blocks), now)


QUARANTINE = Block(CREDENTIAL, NOON + 86_400, "quarantine", "a bad key", NOON)
SPENT = Block(CANDIDATE, NOON + 600, "rate_limited", "a spent day", NOON)


@pytest.mark.parametrize("block", [QUARANTINE, SPENT])
async def test_what_was_closed_a_moment_before_a_kill_is_closed_afterwards(tmp_path: Path, block: Block):
    await close(await started(tmp_path / "blocks"), block)

    refusal = await refused(await started(tmp_path / "blocks", NOON + 1), subject(), NOON + 1)

    assert (refusal.reason, refusal.retry_at, refusal.detail) == (block.reason, block.until, block.detail)


async def test_what_was_lifted_or_has_ended_stays_open(tmp_path: Path):
    store = await started(tmp_path / "blocks")
    await close(store, SPENT, Block(CREDENTIAL, NOON + 30, "rate_limited", since=NOON))
    await store.reset(CREDENTIAL, NOON + 1)
    again = await started(tmp_path / "blocks", NOON + 2)
    await close(again, Block(CREDENTIAL, NOON + 30, "rate_limited", since=NOON), now=NOON + 2)

    late = await started(tmp_path / "blocks", NOON + 60)

    assert (await standing(again, subject(candidate=CANDIDATE), NOON + 40)).reason is None
    assert (await standing(late, subject(), NOON + 60)).reason is None
    assert (tmp_path / "blocks").read_bytes() == b""


async def test_growing_block_goes_on_growing(tmp_path: Path):
    gone = Block(CANDIDATE, NOON + 3600, "model_gone", since=NOON, max_s=86_400)
    await close(await started(tmp_path / "blocks"), gone)
    store, later = await started(tmp_path / "blocks", NOON + 1800), NOON + 3600

    await close(store, Block(CANDIDATE, later + 3600, "model_gone", since=later, max_s=86_400), now=later)

    assert (await standing(store, subject(), later)).blocked_until == later + 7200


async def test_half_a_line_and_nonsense_cost_themselves(tmp_path: Path):
    path = tmp_path / "blocks"
    await close(await started(path), QUARANTINE)
    path.write_bytes(b'nonsense\n{"scope": 7}\n{"scope": "\xff\xfe"}\n' + path.read_bytes() + b'{"scope":"gr')

    with structlog.testing.capture_logs() as logs:
        store = await started(path, NOON + 1)

    assert (await refused(store, subject(), NOON + 1)).reason == "quarantine"
    assert len(logs) == 4


async def test_disk_that_takes_nothing_is_logged_once_and_changes_no_answer(tmp_path: Path):
    path = tmp_path / "blocks"
    path.mkdir()

    with structlog.testing.capture_logs() as logs:
        store = await started(path)
        for _ in range(3):
            await close(store, SPENT)

    assert (await refused(store, subject(), NOON + 1)).reason == "rate_limited"
    assert [line["event"] for line in logs] == ["state.journal_failed"]


async def test_does_not_grow_without_end(tmp_path: Path):
    journal = Journal(tmp_path / "blocks")
    journal.open(NOON)
    for number in range(MAX_LINES + 10):
        journal.closed(Block("1:groq", NOON + 60 + number, "rate_limited"), NOON)

    assert (tmp_path / "blocks").read_bytes().count(b"\n") < 20
    assert [block.until for block in Journal(tmp_path / "blocks").open(NOON)[0]] == [
        NOON + 60 + MAX_LINES + 9
    ]


async def test_nothing_is_written_before_it_is_opened_nor_for_a_moment(tmp_path: Path):
    unopened = MemoryStore(Journal(tmp_path / "blocks"))
    await close(unopened, QUARANTINE)
    untouched = not (tmp_path / "blocks").exists()
    await close(await started(tmp_path / "blocks"), Block(CREDENTIAL, NOON + 2, "rate_limited", since=NOON))

    assert untouched
    assert (tmp_path / "blocks").read_bytes() == b""


async def test_file_that_could_not_be_begun_at_start_is_begun_when_it_can_be(tmp_path: Path):
    (tmp_path / "spool").touch()  # where a directory is needed
    path = tmp_path / "spool" / "blocks"
    store = await started(path)
    (tmp_path / "spool").unlink()

    await close(store, QUARANTINE)

    assert (await refused(await started(path, NOON + 1), subject(), NOON + 1)).reason == "quarantine"


async def test_line_that_was_written_in_part_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "blocks"
    store = await started(path)
    whole = os.write
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", lambda file, data: whole(file, data[: len(data) // 2]))
        await close(store, SPENT)
    await close(store, QUARANTINE)

    with structlog.testing.capture_logs() as logs:
        held, _ = Journal(path).open(NOON + 1)

    assert held == [SPENT, QUARANTINE]
    assert logs == []
