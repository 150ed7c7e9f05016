"""FreeAI over strict fakes, as the clients meet it: a model of each provider for each behaviour of the fakes, and no quotas."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

from fakes import FakeUpstream, Limits
from tests.e2e import server
from tests.e2e.server import Server
from tests.providers.probed import running
from tests.real_clients.matrix import PROVIDERS

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
    for name in asked["names"]:
        ProviderModel.objects.create(provider=provider, name=name, **asked["facts"])
announce(SECTION)
"""


@contextmanager
def freeai(folder: Path, flaky: Iterable[str]) -> Iterator[Server]:
    """A gateway of its own; `flaky`: who has a model that fails once for them."""
    with running(FakeUpstream) as upstream:
        serving = server.start(folder, "--no-tasks", patience_s=START_S)
        try:
            serving.api("PATCH", "config", json=CONFIG).raise_for_status()
            _add_models(serving, [*BEHAVIOURS, *(f"{name}@flaky_1" for name in flaky)])
            for name in PROVIDERS:
                upstream.limit(name, PLENTY)
                _give_key(serving, name, upstream.url(name))
            server.wait_until(lambda: serving.chat(model=f"{PROVIDERS[-1]}/ok").is_success)
            yield serving
        finally:
            serving.stop()


def _give_key(serving: Server, provider: str, url: str) -> None:
    moved = serving.api("PATCH", f"providers/{provider}", json={"base_url": url})
    moved.raise_for_status()
    limits = {"requests": UNLIMITED, "tokens": UNLIMITED}
    stored = {"api_key": f"key-of-{provider}-0123456789", "limits": limits}
    serving.api("PATCH", f"me/providers/{provider}", json=stored).raise_for_status()


def _add_models(serving: Server, names: list[str]) -> None:
    facts = {
        "capabilities": list(CAPABILITIES),
        "context_window": WINDOW_TOKENS,
        "max_output_tokens": ANSWER_TOKENS,
    }
    subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", MODELS],
        cwd=server.ROOT,
        env=server.clean_env() | {"FREEAI_DATA_DIR": str(serving.data_dir)},
        input=orjson.dumps({"providers": PROVIDERS, "names": names, "facts": facts}),
        check=True,
    )
