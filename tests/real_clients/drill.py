"""Agents at work while their provider fails: a task of several turns, done by the agent's own tools, through a gateway of its own.

Of each run is asked: the file is as the last turn leaves it, the agent comes to its end and says what the model said last, it asked for
no turn twice, and the ledger and the quotas say what the fakes served.
"""

import sqlite3
import subprocess
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
import orjson

from fakes import FakeUpstream
from fakes.journal import Received
from tests.e2e import server
from tests.e2e.server import Server
from tests.real_clients.matrix import PROVIDERS, Client
from tests.real_clients.running import program
from tests.real_clients.serving import START_S, gateway

CELL: Final = "failures"
MODEL: Final = "task"
FAILING: Final = (
    *(MODEL, "error_500", MODEL, "cut_before_content"),
    *(MODEL, *(["reset"] * 2), MODEL, "error_429_minute"),
)
REVOKED: Final = (MODEL, "error_401")
"""What the preferred provider does with one request after the other; the turns that it fails are another's. A connection that was kept
open and ends without a byte may have been closed before the request came: that is sent once more over a new one, which is reset too."""
LAST_WORDS: Final = "small lamps"
DAILY: Final = 10**9
MOST_LISTS: Final = 100
LEDGER_S: Final = 20.0
Call = tuple[str, dict[str, Any]]
Used = Counter[tuple[str, str]]


def _codex(at: int, file: Path) -> Call:
    if at == 0:
        return "exec_command", {"cmd": f"echo 'turn 0' > {file.name}"}
    hunk = f"*** Update File: {file.name}\n@@\n-turn {at - 1}\n+turn {at}\n"
    return "apply_patch", {"input": f"*** Begin Patch\n{hunk}*** End Patch\n"}


def _claude(at: int, file: Path) -> Call:
    if at == 0:
        return "Write", {"file_path": str(file), "content": "turn 0\n"}
    return "Edit", {"file_path": str(file), "old_string": f"turn {at - 1}", "new_string": f"turn {at}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """`model`: the name under which it knows its best tools; `edit`: the call that makes turn n of turn n - 1."""

    model: str
    edit: Callable[[int, Path], Call]


AGENTS: Final[Mapping[str, Agent]] = {
    "codex": Agent(model="gpt-5.5", edit=_codex),
    "claude": Agent(model="claude-sonnet-5", edit=_claude),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A row of the ledger."""

    id: str
    request: str
    provider: str
    outcome: str
    kind: str
    tokens: int
    estimated: bool


@dataclass(frozen=True, slots=True)
class Drill:
    """An agent at a gateway of its own, whose providers have one model each."""

    client: Client
    environment: Path
    serving: Server
    upstream: FakeUpstream

    def run(self, provider: str, script: tuple[str, ...]) -> None:
        """One task, `provider` being preferred. Raises AssertionError where it is not done, or not counted, as it should be."""
        self.upstream.reset()
        self.upstream.script(provider, script)
        for name in PROVIDERS:  # their lists know nothing of the model
            self.upstream.script(name, ["error_503"] * MOST_LISTS, family="models")
        self._prefer(provider)
        before, quotas = {attempt.id for attempt in self._ledger()}, self._quotas()
        turns = script.count(MODEL) * 2 + 1
        self._work(turns - 1)
        served = _attempted(self.upstream.journal)
        server.wait_until(lambda: len(self._ledger()) - len(before) >= len(served), LEDGER_S)
        attempts = [attempt for attempt in self._ledger() if attempt.id not in before]
        did = [(it.provider, it.behaviour) for it in served]
        assert {behaviour for _, behaviour in did} == set(script), f"the fakes did {did}"
        asked = len({attempt.request for attempt in attempts})
        assert asked == turns, f"{asked} requests for {turns} turns: the ledger has {attempts}"
        _compare(served, attempts)
        taken = _difference(self._quotas(), quotas)
        assert taken == _taken(attempts), f"quotas: {taken}, ledger: {_taken(attempts)}"

    def _prefer(self, provider: str) -> None:
        """The agent's own model means the strategy that prefers `provider`, about which nothing is known from before."""
        self.serving.api("POST", f"providers/{provider}/reset").raise_for_status()
        table = f"{AGENTS[self.client.name].model} = freeai-{_strategy(provider)}"
        self.serving.api("PATCH", "config", json={"model_names": table}).raise_for_status()

    def _work(self, edits: int) -> None:
        agent = AGENTS[self.client.name]
        with TemporaryDirectory(prefix="freeai-drill-", ignore_cleanup_errors=True) as home:
            folder = Path(home) / "work"
            folder.mkdir()
            subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
            file = folder / "turns.txt"
            prompt = _task([agent.edit(at, file) for at in range(edits)])
            more = {"FREEAI_MODEL": agent.model, "FREEAI_PROMPT": prompt}
            said, broken = program(self.client, self.environment, Path(home), self.serving, **more)
            assert not broken, broken
            assert LAST_WORDS in said, f"it said {said[-200:]!r}"
            left = file.read_text() if file.exists() else "nothing"
            assert left == f"turn {edits - 1}\n", f"it left {left!r}"

    def _ledger(self) -> list[Attempt]:
        """Of agents, who ask for no chat completions."""
        with closing(sqlite3.connect(self.serving.data_dir / "freeai.sqlite3")) as database:
            rows = database.execute(
                "SELECT id, request_uuid, provider, outcome, error_kind, prompt_tokens + completion_tokens, estimated"
                " FROM usage_events WHERE endpoint != 'chat'"
            ).fetchall()
        names = ("id", "request", "provider", "outcome", "kind", "tokens", "estimated")
        return [Attempt(**dict(zip(names, row, strict=True))) for row in rows]

    def _quotas(self) -> Used:
        """What is used of each account's day, by provider and metric."""
        used: Used = Counter()
        for provider in PROVIDERS:
            for window in self.serving.api("GET", f"me/providers/{provider}").json()["quotas"]:
                used[provider, window["metric"]] += window["used"]
        return used


def drilled(client: Client, environment: Path) -> str:
    """All runs of an agent: "", or what went wrong first."""
    try:
        _drill(client, environment)
    except (AssertionError, httpx.HTTPError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _drill(client: Client, environment: Path) -> None:
    """Raises AssertionError and httpx.HTTPError."""
    with (
        TemporaryDirectory(prefix="freeai-drill-", ignore_cleanup_errors=True) as folder,
        gateway(Path(folder) / "data", {MODEL: "chat"}, DAILY) as (serving, upstream),
    ):
        for provider in PROVIDERS:
            server.wait_until(lambda name=provider: serving.chat(model=f"{name}/{MODEL}").is_success, START_S)
            serving.api("POST", "strategies", json=_definition(provider)).raise_for_status()
        drill = Drill(client, environment, serving, upstream)
        for provider in PROVIDERS:
            for script in (REVOKED, FAILING):  # whose end is a spent minute, which no reset gives back
                try:
                    drill.run(provider, script)
                except AssertionError as error:
                    raise AssertionError(f"{provider}, {script[-1]}: {error}") from error


def _strategy(provider: str) -> str:
    return f"first-{provider}"


def _definition(provider: str) -> dict[str, Any]:
    prefer = [{"when": f'name == "{provider}"', "weight": 1000}]
    definition = {"require": [{"when": f'model == "{MODEL}"'}], "prefer": prefer}
    return {"name": _strategy(provider), "definition": definition}


def _task(calls: list[Call]) -> str:
    told = (f"CALL {name} {b64encode(orjson.dumps(arguments)).decode()}" for name, arguments in calls)
    return " ".join(["Do it.", *told])


def _attempted(journal: list[Received]) -> list[Received]:
    """The calls, without those that were sent once more."""
    calls = [received for received in journal if received.method == "POST"]
    repeated = {id(call) for call, after in pairwise(calls) if call.behaviour == after.behaviour == "reset"}
    return [call for call in calls if id(call) not in repeated]


def _compare(served: list[Received], attempts: list[Attempt]) -> None:
    """Each call that the fakes got is in the ledger once, with the tokens that they told."""
    calls = Counter((it.provider, it.behaviour == MODEL) for it in served)
    noted = Counter((it.provider, it.outcome == "success") for it in attempts)
    assert noted == calls, f"the ledger has {noted}, the fakes had {calls}"
    told, counted = Counter[str](), Counter[str]()
    for received in served:
        told[received.provider] += received.tokens if received.behaviour == MODEL else 0
    for attempt in attempts:
        counted[attempt.provider] += attempt.tokens if attempt.outcome == "success" else 0
    assert counted == told, f"the ledger has {counted} tokens, the fakes told {told}"
    assert not any(attempt.estimated for attempt in attempts if attempt.outcome == "success")


def _difference(now: Used, before: Used) -> Used:
    return Counter({name: now[name] - before[name] for name in now if now[name] != before[name]})


def _taken(attempts: list[Attempt]) -> Used:
    """By the ledger. A window that a refusal shows to be full counts what it granted, and not what it refused."""
    taken: Used = Counter()
    for attempt in attempts:
        if attempt.kind == "rate_limited":
            continue
        taken[attempt.provider, "requests"] += 1
        taken[attempt.provider, "tokens"] += attempt.tokens
    return taken
