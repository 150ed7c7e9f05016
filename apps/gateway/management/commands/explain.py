"""`manage.py explain --prompt "…"`: where a request would go and why, without an upstream call."""

import asyncio
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from apps.clients.keys import unrestricted
from apps.core import clock, snapshot
from apps.core.state.choice import scratch_store
from apps.core.state.contract import PastUsage
from apps.gateway import past
from apps.gateway.attempts.decision import Decision, Row
from apps.gateway.endpoints.chat import explain
from apps.gateway.wire.errors import ApiError

NOBODY = 1
REFUSED = 2
NOTE = (
    "No gateway runs in this process: quota is rebuilt from the usage ledger; blocks, circuit breakers and averages are unknown. "
    "POST /api/explain asks the running one."
)


class Command(BaseCommand):
    help = (
        "Show which candidates a chat request has, in the order of their attempts, with the parts of their scores, and why others "
        "are excluded. Exit codes: 0 somebody would serve it, 1 nobody would, 2 for a bad request or an unknown user."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--prompt", help="text of a one-line conversation")
        source.add_argument(
            "--file", help="a whole /v1/chat/completions body as JSON; - reads standard input"
        )
        parser.add_argument("--model", help="the model to ask for, instead of the one in the file")
        parser.add_argument("--user", help="user name; the first superuser without it")
        parser.add_argument("--json", action="store_true", help="print the decision as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        user = _find_user(options["user"])
        snapshot.load_all()
        used = list(past.of_providers([], clock.now()))
        try:
            decision = asyncio.run(_explain(user, _body(options), used))
        except ApiError as error:
            raise CommandError(error.message, returncode=REFUSED) from error
        self.stderr.write(NOTE)
        self.stdout.write(json.dumps(decision.as_json(), indent=2) if options["json"] else _table(decision))
        if not any(row.rank for row in decision.candidates):
            sys.exit(NOBODY)


async def _explain(user: User, body: bytes, used: list[PastUsage]) -> Decision:
    async def read(_now: float) -> list[PastUsage]:
        return used

    store = scratch_store()
    await store.restore(read, clock.now())
    return await explain.explain_body(store, unrestricted(user), body)


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


def _find_user(name: str | None) -> User:
    """Raises CommandError."""
    users = User.objects.order_by("pk")
    user = users.filter(is_superuser=True).first() if name is None else users.filter(username=name).first()
    if user is None:
        raise CommandError(f"No user {name!r}." if name else "There is no superuser yet.", returncode=REFUSED)
    return user


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
