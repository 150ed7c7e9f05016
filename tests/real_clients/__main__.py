"""`python -m tests.real_clients [NAME…] [--write] [--json]`: real clients against a running FreeAI, and the matrix of what they can do.

Exit codes: 0 no cell is red · 1 one is.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from tests.e2e.server import Server
from tests.real_clients import document
from tests.real_clients.drill import AGENTS, CELL, drilled
from tests.real_clients.environments import found
from tests.real_clients.matrix import CLIENTS, Client, Row
from tests.real_clients.running import run
from tests.real_clients.serving import freeai

AT_ONCE = 2


def main(arguments: Sequence[str]) -> int:
    """Run them, print what came of it."""
    options = _options(arguments)
    chosen = [client for client in CLIENTS if not options.names or client.name in options.names]
    with (
        TemporaryDirectory(prefix="freeai-clients-") as folder,
        freeai(Path(folder) / "data", chosen) as serving,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        rows = list(pool.map(lambda client: _row(client, serving), chosen))
    if options.json:
        sys.stdout.write(orjson.dumps([_told(row) for row in rows]).decode() + "\n")
    else:
        sys.stdout.write(document.printed(rows))
    if options.write:
        document.write(rows)
    return int(any(row.red for row in rows))


def _row(client: Client, serving: Server) -> Row:
    row = run(client, serving)
    if client.name in AGENTS and not row.missing:
        began = time.monotonic()
        row.cells[CELL] = drilled(client, found(client.needs))
        row.seconds += time.monotonic() - began
    return row


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[[], *(client.name for client in CLIENTS)], metavar="NAME"
    )
    parser.add_argument("--write", action="store_true", help="write the table of docs/CLIENTS.md")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


def _told(row: Row) -> dict[str, object]:
    return {
        "client": row.client.name,
        "version": row.version,
        "missing": row.missing,
        "cells": row.cells,
        "seconds": round(row.seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
