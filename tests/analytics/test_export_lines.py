"""Usage events as lines: whole, readable again, and harmless in a spreadsheet."""

import csv
import io
import json
from pathlib import Path
from uuid import UUID

import pytest

from apps.analytics.export import files
from apps.analytics.export.files import LineFile, NotOursError
from apps.analytics.export.lines import FORMATS, Format, safe_cell
from apps.analytics.export.records import BATCH, COLUMNS, Record, batches
from apps.analytics.selection import Selection
from apps.analytics.upsert import upsert
from tests.analytics.conftest import Ledger
from tests.analytics.examples import AT
from tests.analytics.test_selection import event, moment

EVIL = '=HYPERLINK("http://x.test","m")\r\n,"line'


def records(ledger: Ledger, **fields) -> list[Record]:
    upsert([event(1, **fields)], ledger.alias)
    return next(batches(Selection(), using=ledger.alias))


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠x", "=cmd|' /C calc'!A0"],
)
def test_no_cell_is_a_formula(text: str):
    assert safe_cell(text).startswith("'")
    assert safe_cell(text)[1:].lstrip() == text.lstrip("\t\r")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("llama-3.3", "llama-3.3"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (-5, "-5"),
        (0.25, "0.25"),
        ({"neurons": 9}, '{"neurons":9}'),
        ("a\r\nb\u2028c\x00", "a  b c "),
    ],
)
def test_other_cells_say_what_they_hold(value: object, cell: str):
    assert safe_cell(value) == cell


def test_a_line_of_csv_has_a_cell_a_column(ledger: Ledger):
    (record,) = records(ledger, model=EVIL, charged={"neurons": 9})
    line = FORMATS["csv"].line(record)

    (row,) = csv.DictReader(io.StringIO((FORMATS["csv"].head + line).decode(), newline=""))
    assert list(row) == list(COLUMNS)
    assert (row["model"], row["charged"]) == ("'" + EVIL.replace("\r\n", "  "), '{"neurons":9}')
    assert row["id"] == str(UUID(event(1).id))
    assert line.count(b"\n") == 1


def test_a_line_of_json_is_the_event(ledger: Ledger):
    (record,) = records(ledger, model=EVIL, charged={"neurons": 9}, cost_microusd=0)
    line = FORMATS["jsonl"].line(record)

    row = json.loads(line)
    assert (row["model"], row["charged"], row["cost_microusd"], row["saved_microusd"]) == (
        EVIL,
        {"neurons": 9},
        0,
        None,
    )
    assert row["at"] == "2026-05-28T20:26:41.250000Z"
    assert line.count(b"\n") == 1


@pytest.mark.parametrize("kind", FORMATS)
def test_a_line_tells_its_id(ledger: Ledger, kind: Format):
    (record,) = records(ledger, model=EVIL)

    assert FORMATS[kind].identity(FORMATS[kind].line(record)) == UUID(event(1).id)


def test_batches_come_oldest_first_and_go_on_behind_an_id(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("apps.analytics.export.records.BATCH", 4)
    upsert([event(number) for number in range(11)], ledger.alias)
    chosen = Selection(since=moment(AT + 1), until=moment(AT + 10))

    found = list(batches(chosen, using=ledger.alias))
    rest = list(batches(chosen, after=UUID(event(6).id), using=ledger.alias))

    assert [[row[0].hex for row in batch] for batch in found] == [
        [event(number).id for number in numbers] for numbers in (range(1, 5), range(5, 9), [9])
    ]
    assert [row[0].hex for batch in rest for row in batch] == [event(number).id for number in (7, 8, 9)]
    assert BATCH > 100


class TestFiles:
    """Of CSV, of which five events are written."""

    @pytest.fixture
    def lines(self, ledger: Ledger) -> list[bytes]:
        upsert([event(number) for number in range(5)], ledger.alias)
        (batch,) = batches(Selection(), using=ledger.alias)
        return [FORMATS["csv"].line(record) for record in batch]

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        (tmp_path / "exports").mkdir()
        return tmp_path / "exports" / "usage.csv"

    def test_a_file_has_its_name_once_it_is_whole(self, path: Path, lines: list[bytes]):
        with LineFile(path, FORMATS["csv"], "all") as file:
            file.write(lines)
            assert not path.exists()
            file.finish()

        assert path.read_bytes() == FORMATS["csv"].head + b"".join(lines)
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize("cut", [0, 1, 30, 200])
    def test_a_killed_export_goes_on_behind_its_last_whole_line(
        self, path: Path, lines: list[bytes], cut: int
    ):
        with LineFile(path, FORMATS["csv"], "all") as file:
            file.write(lines[:3])
        whole = file.part.read_bytes()
        file.part.write_bytes(whole[: len(whole) - cut])

        with LineFile(path, FORMATS["csv"], "all") as again:
            kept = again.part.read_bytes().count(b"\n") - 1
            assert kept == {0: 3, 1: 2, 30: 2, 200: 1}[cut]
            assert again.after == UUID(event(kept - 1).id)
            again.write(lines[kept:])
            again.finish()

        assert path.read_bytes() == FORMATS["csv"].head + b"".join(lines)

    @pytest.mark.parametrize("left", [b"", b"id,at", FORMATS["csv"].head])
    def test_one_that_had_written_no_event_begins_anew(self, path: Path, lines: list[bytes], left: bytes):
        with LineFile(path, FORMATS["csv"], "all") as file:
            pass
        file.part.write_bytes(left)

        with LineFile(path, FORMATS["csv"], "all") as again:
            assert again.after is None
            again.write(lines)
            again.finish()

        assert path.read_bytes() == FORMATS["csv"].head + b"".join(lines)

    def test_a_long_last_line_is_found(self, path: Path, lines: list[bytes], monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(files, "CHUNK", 7)
        with LineFile(path, FORMATS["csv"], "all") as file:
            file.write(lines[:2])

        with LineFile(path, FORMATS["csv"], "all") as again:
            assert again.after == UUID(event(1).id)

    def test_another_export_does_not_go_on_with_it(self, path: Path, lines: list[bytes]):
        with LineFile(path, FORMATS["csv"], "all") as file:
            file.write(lines[:3])

        with LineFile(path, FORMATS["csv"], "of ada") as another:
            assert another.after is None

    def test_what_is_there_is_not_written_over(self, path: Path):
        path.write_text("mine")

        with pytest.raises(FileExistsError):
            LineFile(path, FORMATS["csv"], "all")
        assert path.read_text() == "mine"

    @pytest.mark.parametrize("strange", [b"something\nelse\n", b"\xff\xfe\n", b"\n"])
    def test_a_strangers_file_is_left_alone(self, path: Path, strange: bytes):
        with LineFile(path, FORMATS["csv"], "all") as file:
            pass
        file.part.write_bytes(strange)

        with pytest.raises(NotOursError):
            LineFile(path, FORMATS["csv"], "all")
