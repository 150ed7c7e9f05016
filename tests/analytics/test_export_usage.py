"""manage.py export_usage: complete, resumable, and in flat memory."""

import csv
import io
import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from apps.analytics.events import UsageEvent
from apps.analytics.export import parquet, records
from apps.analytics.export.lines import FORMATS, Format
from apps.analytics.export.records import COLUMNS
from apps.analytics.upsert import upsert
from apps.core.ids import least_at
from tests.analytics.examples import ended, refused

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 5, 10, tzinfo=UTC)
DAY_S = 86_400.0
DAYS = ["--from", "2026-05-10", "--to", "2026-05-13"]


def event(number: int, **fields: Any) -> UsageEvent:
    """One an hour, from the first day on: the greater its number, the later it is."""
    at = START.timestamp() + number * 3600
    return ended(id=f"{least_at(at).int | number & 0xFFFF:032x}", at=at, **fields)


def run(*arguments: str) -> tuple[str, str]:
    """What it prints."""
    out, err = io.StringIO(), io.StringIO()
    call_command("export_usage", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def refused_with(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as error:
        run(*arguments)
    return error.value.returncode, str(error.value)


@pytest.fixture
def three_days() -> list[UsageEvent]:
    """Of the range, and one before and behind it."""
    events = [event(number) for number in range(-1, 73)]
    upsert(events, "default")
    return events[1:-1]


def ids_of(text: str, kind: Format) -> list[str]:
    rows: Any = csv.DictReader(io.StringIO(text)) if kind == "csv" else map(json.loads, text.splitlines())
    return [row["id"].replace("-", "") for row in rows]


@pytest.mark.parametrize("kind", FORMATS)
class TestLines:
    def test_everything_of_the_time_is_printed_oldest_first(self, three_days: list[UsageEvent], kind: Format):
        printed, said = run(*DAYS, "--format", kind)

        assert ids_of(printed, kind) == [each.id for each in three_days]
        assert said == ""

    def test_one_user_only(self, kind: Format):
        ada = get_user_model().objects.create_user("ada")
        upsert([event(number, user_id=ada.pk + number % 2) for number in range(6)], "default")

        printed, _ = run(*DAYS, "--format", kind, "--user", "ada")

        assert ids_of(printed, kind) == [event(number).id for number in (0, 2, 4)]

    def test_a_user_who_was_deleted_is_named_by_number(self, kind: Format):
        upsert([event(number, user_id=700 + number % 2) for number in range(6)], "default")

        printed, _ = run(*DAYS, "--format", kind, "--user", "701")

        assert ids_of(printed, kind) == [event(number).id for number in (1, 3, 5)]

    def test_a_user_with_the_name_of_a_number_comes_before_that_number(self, kind: Format):
        named = get_user_model().objects.create_user("701")
        upsert([event(0, user_id=701), event(1, user_id=named.pk)], "default")

        printed, _ = run(*DAYS, "--format", kind, "--user", "701")

        assert ids_of(printed, kind) == [event(1).id]

    def test_a_file_is_written_and_the_summary_printed(
        self, three_days: list[UsageEvent], tmp_path: Path, kind: Format
    ):
        path = tmp_path / "usage"

        printed, _ = run(*DAYS, "--format", kind, "--output", str(path), "--json")

        assert ids_of(path.read_text(), kind) == [each.id for each in three_days]
        assert json.loads(printed) == {
            "events": 72,
            "last_id": str(UUID(three_days[-1].id)),
            "files": [str(path)],
        }

    def test_a_database_that_goes_away_stops_it_and_the_next_one_goes_on(
        self, three_days: list[UsageEvent], tmp_path: Path, kind: Format, monkeypatch: pytest.MonkeyPatch
    ):
        path = tmp_path / "usage"
        monkeypatch.setattr(records, "BATCH", 10)
        asked = [*DAYS, "--format", kind, "--output", str(path)]
        reads = 0

        def reading(rows: Any) -> Any:
            nonlocal reads
            reads += 1
            if reads == 4:
                raise DatabaseError("away")
            return list(rows)

        monkeypatch.setattr(records, "list", reading, raising=False)
        code, said = refused_with(*asked)
        (part,) = tmp_path.iterdir()
        part.write_bytes(part.read_bytes()[:-7])  # as a kill may leave it

        assert (code, said) == (
            1,
            "Stopped after 30 events (DatabaseError: away). Run the same command again.",
        )
        run(*asked)
        assert ids_of(path.read_text(), kind) == [each.id for each in three_days]
        assert list(tmp_path.iterdir()) == [path]

    def test_behind_an_event(self, three_days: list[UsageEvent], kind: Format):
        printed, _ = run(*DAYS, "--format", kind, "--after", three_days[69].id)

        assert ids_of(FORMATS[kind].head.decode() + printed, kind) == [each.id for each in three_days[70:]]

    def test_nothing_is_an_empty_file(self, tmp_path: Path, kind: Format):
        run(*DAYS, "--format", kind, "--output", str(tmp_path / "usage"))

        assert (tmp_path / "usage").read_bytes() == FORMATS[kind].head


class TestParquet:
    def test_a_file_a_day_with_every_column(self, three_days: list[UsageEvent], tmp_path: Path):
        upsert([refused(id=event(80).id, at=event(5).at + 1, charged={"neurons": 3})], "default")

        printed, _ = run(*DAYS, "--format", "parquet", "--output", str(tmp_path / "out"), "--json")

        names = [f"usage-2026-05-{day}.parquet" for day in (10, 11, 12)]
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
        tables = [pq.read_table(tmp_path / "out" / name) for name in names]
        assert [table.column_names for table in tables] == [list(COLUMNS)] * 3
        found = [row["id"].replace("-", "") for table in tables for row in table.to_pylist()]
        assert found == [each.id for each in three_days]
        assert {row["at"].date() for row in tables[1].to_pylist()} == {date(2026, 5, 11)}
        assert json.loads(printed)["files"] == [str(tmp_path / "out" / name) for name in names]

    def test_values_keep_their_types(self, tmp_path: Path):
        upsert(
            [event(1, client_id=7, stream=True, ttfb_ms=1.5, cost_microusd=0, charged={"neurons": 9})],
            "default",
        )
        run(*DAYS, "--format", "parquet", "--output", str(tmp_path))

        (row,) = pq.read_table(tmp_path / "usage-2026-05-10.parquet").to_pylist()

        assert (row["client_id"], row["stream"], row["ttfb_ms"], row["cost_microusd"]) == (7, True, 1.5, 0)
        assert (row["saved_microusd"], row["request_uuid"], row["charged"]) == (None, None, '{"neurons":9}')
        assert row["at"] == START + timedelta(hours=1)

    def test_one_that_stopped_goes_on_with_the_day_that_is_not_whole(
        self, three_days: list[UsageEvent], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        asked = [*DAYS, "--format", "parquet", "--output", str(tmp_path)]
        real, reads = parquet._write, 0

        def failing(*given: Any) -> Any:
            nonlocal reads
            reads += 1
            if reads == 2:
                raise OSError(28, "No space left on device")
            return real(*given)

        monkeypatch.setattr(parquet, "_write", failing)
        code, said = refused_with(*asked)
        first = tmp_path / "usage-2026-05-10.parquet"
        written_at = first.stat().st_mtime_ns

        assert (code, "No space left" in said) == (1, True)
        assert list(tmp_path.iterdir()) == [first]
        printed, _ = run(*asked, "--json")
        assert json.loads(printed)["events"] == 48
        assert len(json.loads(printed)["files"]) == 3
        assert first.stat().st_mtime_ns == written_at

    def test_a_failure_in_the_midst_of_a_day_leaves_no_file(
        self, three_days: list[UsageEvent], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        def broken(*_: Any) -> Any:
            raise DatabaseError("away")

        monkeypatch.setattr(parquet, "_table", broken)
        code, _ = refused_with(*DAYS, "--format", "parquet", "--output", str(tmp_path))

        assert (code, list(tmp_path.iterdir())) == (1, [])

    @pytest.mark.parametrize("other", [["--user", "ada"], ["--to", "2026-05-10T12:00:00Z"]])
    def test_a_day_of_another_export_is_not_taken_for_its_own(
        self, three_days: list[UsageEvent], tmp_path: Path, other: list[str]
    ):
        get_user_model().objects.create_user("ada", pk=1)
        run(*DAYS, "--format", "parquet", "--output", str(tmp_path))

        code, said = refused_with(*DAYS, *other, "--format", "parquet", "--output", str(tmp_path))

        assert (code, "usage-2026-05-10.parquet holds something else" in said) == (2, True)

    def test_a_strangers_file_is_left_alone(self, three_days: list[UsageEvent], tmp_path: Path):
        (tmp_path / "usage-2026-05-10.parquet").write_text("mine")

        code, _ = refused_with(*DAYS, "--format", "parquet", "--output", str(tmp_path))

        assert code == 2
        assert (tmp_path / "usage-2026-05-10.parquet").read_text() == "mine"

    def test_without_pyarrow_it_says_what_to_install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)

        code, said = refused_with(*DAYS, "--format", "parquet", "--output", str(tmp_path))

        assert (code, "requirements/export.txt" in said) == (2, True)


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--from", "2026-05-11", "--to", "2026-05-10"], "--to must not be before --from"),
            (["--from", "2026-05-10", "--to", "2999-01-01"], "in the future"),
            ([*DAYS, "--user", "nobody"], "No user 'nobody'"),
            ([*DAYS, "--user", "-1"], "No user '-1'"),
            ([*DAYS, "--user", ""], "No user ''"),
            ([*DAYS, "--user", "9" * 19], "No user '999"),
            ([*DAYS, "--format", "parquet"], "--output FOLDER"),
        ],
    )
    def test_what_cannot_be_done_is_said_with_exit_code_2(self, arguments: list[str], words: str):
        code, said = refused_with(*arguments)

        assert (code, words in said) == (2, True), said

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--from", "yesterday", "--to", "2026-05-10"], "such as 2026-11-27T12:00:00Z"),
            (["--from", "2026-05-10T12:00:00", "--to", "2026-05-11"], "say its zone"),
            ([*DAYS, "--after", "7"], "--after"),
            ([*DAYS, "--format", "xlsx"], "--format"),
            (["--from", "2026-05-10"], "--to"),
        ],
    )
    def test_what_cannot_be_read_is_named(self, arguments: list[str], words: str):
        _, said = refused_with(*arguments)  # on a command line argparse ends with 2

        assert words in said

    def test_a_file_that_is_there_is_not_written_over(self, tmp_path: Path):
        path = tmp_path / "usage.csv"
        path.write_text("mine")

        code, said = refused_with(*DAYS, "--output", str(path))

        assert (code, said, path.read_text()) == (2, f"{path} is there already.", "mine")

    def test_a_folder_that_is_not_there_stops_it(self, tmp_path: Path):
        code, said = refused_with(*DAYS, "--output", str(tmp_path / "gone" / "usage.csv"))

        assert code == 1
        assert said.startswith("Stopped after 0 events (FileNotFoundError")

    def test_the_summary_of_what_is_printed_is_beside_it(self, three_days: list[UsageEvent]):
        printed, said = run(*DAYS, "--format", "jsonl", "--json")

        assert len(printed.splitlines()) == 72
        assert json.loads(said)["events"] == 72
        assert json.loads(said)["files"] == []
