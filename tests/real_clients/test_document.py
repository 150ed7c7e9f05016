"""docs/CLIENTS.md has a row for each client of the matrix, and the locks of their environments name no host. The clients themselves:
`make clients`."""

import re
from datetime import date

from tests.documents import Document
from tests.real_clients.document import BEGIN, END, PAGE, printed, table
from tests.real_clients.environments import LOCKS
from tests.real_clients.matrix import CELLS, CLIENTS, PROGRAMS, Row

TEXT = Document("CLIENTS.md").text
WRITTEN = TEXT.partition(BEGIN)[2].partition(END)[0]


def test_every_client_has_its_row():
    rows = [line.split(" | ") for line in WRITTEN.splitlines() if line.startswith("| ")]

    assert rows[0][3:] == [*CELLS[:-1], f"{CELLS[-1]} |"]
    assert [row[0].removeprefix("| ") for row in rows[1:]] == [client.title for client in CLIENTS]


def test_every_client_has_its_program_and_its_environment():
    assert [client.name for client in CLIENTS if not (PROGRAMS / client.program).is_file()] == []
    assert len({client.name for client in CLIENTS}) == len(CLIENTS)
    assert {path.name for path in LOCKS.iterdir()} <= {client.needs for client in CLIENTS}


def test_locks_pin_everything_and_name_no_host():
    for lock in LOCKS.glob("*/requirements.txt"):
        text = lock.read_text()
        assert "://" not in text, lock
        assert text.count("==") <= text.count("--hash="), lock
    for lock in LOCKS.glob("*/package-lock.json"):
        assert '"resolved"' not in lock.read_text(), lock


def test_a_red_cell_is_told_and_written():
    row = Row(client=CLIENTS[0], version="1.0", cells={"text": "", "stream": "groq: it broke off"})
    missing = Row(client=CLIENTS[1], missing="npm is not installed on this machine")

    said, written = printed([row, missing]), table([row, missing], date(2026, 11, 27))

    assert "RED  curl, stream: groq: it broke off" in said
    assert "1 cells well, 1 red; 1 clients could not be run." in said
    assert re.search(r"\| curl \| 1\.0 \| `/v1/chat/completions` \| yes \| no \| - \|", written)
    assert "could not be run: npm is not installed on this machine." in written
    assert PAGE.is_file()
