"""`manage.py explain --prompt "…"`: where a request would go and why, without an upstream call."""

import asyncio
import json
import sys
from argparse import ArgumentParser
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.clients.as_key import ClosedKeyError, principal_of
from apps.clients.keys import Principal, unrestricted
from apps.clients.management.named import NAMING, NOT_FOUND, named_key
from apps.core import clock, snapshot
from apps.core.management.users import REFUSED, USER_HELP, named_user
from apps.core.state.choice import scratch_store
from apps.core.state.contract import PastUsage
from apps.gateway import past
from apps.gateway.attempts.decision import Decision, Row
from apps.gateway.endpoints.chat import explain
from apps.gateway.wire.errors import ApiError

NOBODY = 1
FORBIDDEN = 5
NOTE = (
    "No gateway runs in this process: quota is rebuilt from the usage ledger; blocks, circuit breakers and averages are unknown. "
    "POST /api/explain asks the running one."
)


class Command(BaseCommand):
    help = (
        "Show which candidates a chat request has, in the order of their attempts, with the parts of their scores, and why others "
        "are excluded. Exit codes: 0 somebody would serve it, 1 nobody would, 2 for a bad request or an unknown user, "
        "3 no such client key, or one that opens nothing, 4 it fits several keys, 5 the key may not ask for it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--prompt", help="text of a one-line conversation")
        source.add_argument(
            "--file", help="a whole /v1/chat/completions body as JSON; - reads standard input"
        )
        parser.add_argument("--model", help="the model to ask for, instead of the one in the file")
        whose = parser.add_mutually_exclusive_group()
        whose.add_argument("--user", help=USER_HELP)
        whose.add_argument("--client-key", metavar="KEY", help=f"as if this key had sent it: {NAMING}")
        parser.add_argument("--json", action="store_true", help="print the decision as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        principal = _principal(options)
        snapshot.load_all()
        used = list(past.of_providers([], clock.now()))
        try:
            decision = asyncio.run(_explain(principal, _body(options), used))
        except ApiError as error:
            returncode = FORBIDDEN if error.status == HTTPStatus.FORBIDDEN else REFUSED
            raise CommandError(error.message, returncode=returncode) from error
        self.stderr.write(NOTE)
        self.stdout.write(json.dumps(decision.as_json(), indent=2) if options["json"] else _table(decision))
        if not any(row.rank for row in decision.candidates):
            sys.exit(NOBODY)


def _principal(options: dict[str, Any]) -> Principal:
    """Who asks. Raises CommandError."""
    if options["client_key"] is None:
        return unrestricted(named_user(options["user"]))
    try:
        return principal_of(named_key(options["client_key"]))
    except ClosedKeyError as error:
        raise CommandError(str(error), returncode=NOT_FOUND) from error


async def _explain(principal: Principal, body: bytes, used: list[PastUsage]) -> Decision:
    async def read(_now: float) -> list[PastUsage]:
        return used

    store = scratch_store()
    await store.restore(read, clock.now())
    return await explain.explain_body(store, principal, body)


def _body(options: dict[str, Any]) -> bytes:
    """The request's JSON. Raises CommandError."""
    if options["file"] is None:
        fields: Any = {"messages": [{"role": "user", "content": options["prompt"]}]}
    else:
        fields = _read(options["file"])
    if options["model"] is not None and isinstance(fields, dict):
        fields["model"] = options["model"]
    return json.dumps(fields).encode()


def _read(path: str) -> Any:
    try:
        return json.loads(sys.stdin.read() if path == "-" else Path(path).read_bytes())
    except OSError as error:
        raise CommandError(f"The file cannot be read: {error}", returncode=REFUSED) from error
    except ValueError as error:
        raise CommandError(f"The file is not valid JSON: {error}", returncode=REFUSED) from error


def _table(decision: Decision) -> str:
    """For people: a line per candidate, and under it what its score is made of."""
    lines = [f"strategy {decision.strategy}"]
    lines += [f"  {name}: {value}" for name, value in decision.features.items() if value]
    for row in decision.candidates:
        lines += _lines(row)
    lines += [f"warning: {item['clause']}: {item['message']}" for item in decision.warnings]
    return "\n".join(lines)


def _lines(row: Row) -> list[str]:
    name = f"{row.provider}/{row.model}"
    if row.excluded is not None:
        return [f"  - {name}: {row.excluded.reason}, {row.excluded.detail}"]
    parts = ", ".join(f"{part} {value:g}" for part, value in row.parts.items() if value)
    return [f"{row.rank:3d} {name}: {row.score:g}", f"      {parts}"]
