"""FreeAI over strict fakes, as the clients meet it: a model of each provider for each behaviour of the fakes, and no quotas."""

import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

from fakes import FakeUpstream, Limits
from tests.e2e import server
from tests.e2e.server import Server
from tests.e2e.surroundings import ROOT, clean_env
from tests.providers.probed import running
from tests.real_clients.matrix import PROVIDERS, Client

BEHAVIOURS: Final = ("ok", "echo", "tool_call", "parallel_tools", "cut", "frames_400_50", "reasoning", "task")
CAPABILITIES: Final = ("tools", "forced_tools", "vision", "json_object", "json_schema", "reasoning", "files")
WINDOW_TOKENS, ANSWER_TOKENS = 1_000_000, 65_536
UNLIMITED: Final = dict.fromkeys(("second", "minute", "hour", "day", "month"), 0)
START_S: Final = 120.0
PLENTY: Final = Limits(requests_per_minute=10**6, requests_per_day=10**7, tokens_per_minute=10**8)
CONFIG: Final = {"provider_max_retries": 0, "circuit_breaker_threshold": 1000}
"""Who repeats is the client, and a model that failed for one client is there for the next."""
MODELS: Final = """
import sys, orjson
from apps.core.snapshot import announce
from apps.providers.credentials import SECTION
from apps.providers.models import Provider, ProviderModel
asked = orjson.loads(sys.stdin.buffer.read())
for provider in Provider.objects.filter(name__in=asked["providers"]):
    Provider.objects.filter(pk=provider.pk).update(limits=[])
    for name, task in asked["tasks"].items():
        ProviderModel.objects.create(provider=provider, name=name, task=task, **asked["facts"])
announce(SECTION)
"""


@contextmanager
def freeai(folder: Path, clients: Iterable[Client]) -> Iterator[Server]:
    """A gateway of its own, with a model for each client that fails once for it."""
    flaky = {f"{client.name}@flaky_1": client.task for client in clients}
    with gateway(folder, dict.fromkeys(BEHAVIOURS, "chat") | flaky) as (serving, _):
        server.wait_until(lambda: serving.chat(model=f"{PROVIDERS[-1]}/ok").is_success)
        yield serving


@contextmanager
def gateway(folder: Path, tasks: Mapping[str, str], daily: int = 0) -> Iterator[tuple[Server, FakeUpstream]]:
    """A gateway of its own and its fakes, with these models at every provider. `daily`: of requests and of tokens; 0 is without end."""
    with running(FakeUpstream) as upstream:
        serving = server.start(folder, "--no-tasks", patience_s=START_S)
        try:
            serving.api("PATCH", "config", json=CONFIG).raise_for_status()
            _add_models(serving, tasks)
            for name in PROVIDERS:
                upstream.limit(name, PLENTY)
                _give_key(serving, name, upstream.url(name), UNLIMITED | {"day": daily})
            yield serving, upstream
        finally:
            serving.stop()


def _give_key(serving: Server, provider: str, url: str, limits: Mapping[str, int]) -> None:
    moved = serving.api("PATCH", f"providers/{provider}", json={"base_url": url})
    moved.raise_for_status()
    own = {"requests": limits, "tokens": limits}
    stored = {"api_key": f"key-of-{provider}-0123456789", "limits": own}
    serving.api("PATCH", f"me/providers/{provider}", json=stored).raise_for_status()


def _add_models(serving: Server, tasks: Mapping[str, str]) -> None:
    """A model of each name, for its task, at every provider."""
    facts = {
        "capabilities": list(CAPABILITIES),
        "context_window": WINDOW_TOKENS,
        "max_output_tokens": ANSWER_TOKENS,
    }
    subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", MODELS],
        cwd=ROOT,
        env=clean_env() | {"FREEAI_DATA_DIR": str(serving.data_dir)},
        input=orjson.dumps({"providers": PROVIDERS, "tasks": tasks, "facts": facts}),
        check=True,
    )
