"""A gateway in the test's own loop: in-memory snapshot, real transport, real spool, and fake upstreams on loopback. No database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from apps.analytics.events import UsageEvent
from apps.clients import keys
from apps.clients.keys import CLIENTS, ClientKeys, Record
from apps.core.state.keys import credential_key
from apps.gateway import runtime
from apps.gateway.config import CONFIG, Config
from apps.gateway.runtime import Runtime
from apps.providers.accounts import Account, spending_window
from apps.providers.catalogue_files import read_catalogue
from apps.providers.facts import ModelFacts, ProviderFacts
from apps.providers.limits import Limit
from apps.providers.offers import CATALOGUE, Catalogue
from apps.providers.overrides import Overrides
from apps.providers.presets import parse_preset
from apps.providers.quotas import Scheme, account_windows
from apps.providers.types import TRAINING_UNKNOWN, Preset, Price, Secret
from apps.strategies.definition import parse_definition
from apps.strategies.library import STRATEGIES, LoadedStrategy, builtins
from fakes import FakeUpstream
from tests.asgi import Client
from tests.gateway.upstream_pages import Pages, pages
from tests.sockets import SocketClient

SHIPPED = {entry.name: parse_preset(entry.wire) for entry in read_catalogue()}
BUILT_IN = {
    entry["name"]: LoadedStrategy(entry["name"], entry["description"], parse_definition(entry["definition"]))
    for entry in builtins()
}
RAW_KEY = "fai_" + "k" * 43
USER = 1


@dataclass
class Gateway:
    """What a test holds of a running gateway. `add` declares a provider; the first one added is preferred by its weight."""

    client: Client
    fake: FakeUpstream
    runtime: Runtime
    spool_dir: Path
    providers: dict[str, ProviderFacts] = field(default_factory=dict)
    accounts: list[Account] = field(default_factory=list)

    def add(self, name: str, *models: str, **overrides: Any) -> None:
        """A provider with these models (default: one that answers "ok"), backed by the fake upstream of that name."""
        family = overrides.pop("family", name)
        capabilities = overrides.pop("capabilities", {"tools", "vision", "json_object", "json_schema"})
        context_window = overrides.pop("context_window", 131_072)
        max_output_tokens = overrides.pop("max_output_tokens", None)
        max_retries = overrides.pop("max_retries", 0)
        task = overrides.pop("task", "chat")
        limits = overrides.pop("limits", ())
        access = overrides.pop("access", "free")
        models = models or ("ok",)
        preset = overrides.pop("preset", SHIPPED.get(family, Preset()))
        base_url = overrides.pop("base_url", self.fake.url(family))
        self.providers[name] = ProviderFacts(
            name=name,
            display_name=name.title(),
            base_url=base_url,
            enabled=True,
            requires_key=True,
            is_custom=False,
            weight=overrides.pop("weight", 100.0 - len(self.providers)),
            tags=tuple(overrides.pop("tags", ())),
            default_model=models[0],
            preset=preset,
            limits=tuple(limits),
            models=tuple(
                ModelFacts(
                    name=model,
                    task=task,
                    capabilities=frozenset(capabilities),
                    context_window=context_window,
                    max_output_tokens=max_output_tokens,
                    limits=tuple(overrides.get("model_limits", ())),
                    price=overrides.get("price", Price(0, 0) if access != "free" else None),
                    tags=(),
                    access=access,
                )
                for model in models
            ),
            access=access,
            trains=overrides.get("trains", TRAINING_UNKNOWN),
        )
        key = credential_key(USER, name)
        self.accounts.append(
            Account(
                user_id=USER,
                provider=name,
                key=key,
                secret=Secret(overrides.get("api_key", f"key-of-{name}-0123456789")),
                windows=account_windows(key, Scheme.of(limits, ()), Overrides()),
                max_retries=max_retries,
                use_paid=overrides.get("use_paid", False),
                spending=spending_window(key, overrides.get("spend_cap_microusd")),
            )
        )
        CATALOGUE.value = Catalogue(self.providers, self.accounts, frozenset({USER}))

    def configure(self, **fields: Any) -> None:
        """Change `app_config`."""
        CONFIG.value = msgspec.structs.replace(CONFIG.value, **fields)

    def events(self) -> list[UsageEvent]:
        """The final usage events of attempts in the spool, in their order."""
        return [event for event in self._spooled() if event.outcome != "refused"]

    def refusals(self) -> list[UsageEvent]:
        """Those of requests that were turned away."""
        return [event for event in self._spooled() if event.outcome == "refused"]

    def _spooled(self) -> list[UsageEvent]:
        latest: dict[str, UsageEvent] = {}
        for segment in sorted(self.spool_dir.rglob("*.jsonl")):
            for line in segment.read_bytes().splitlines():
                event = msgspec.json.decode(line, type=UsageEvent)
                if event.outcome != "interrupted" or event.id not in latest:
                    latest[event.id] = event
        return sorted(latest.values(), key=lambda event: event.id)

    async def open_grants(self) -> int:
        return await self.runtime.store.open_grants()


def principal(**overrides: Any) -> Record:
    """The record behind RAW_KEY."""
    fields: dict[str, Any] = {
        "client_id": 7,
        "user_id": USER,
        "username": "ada",
        "is_admin": True,
        "name": "tests",
        "rpm_limit": 0,
        "allowed_models": frozenset(),
        "allowed_strategies": frozenset(),
        "windows": (),
        "closed": None,
        "expires_at": float("inf"),
    }
    return Record(**(fields | overrides))


def use_key(**overrides: Any) -> None:
    """Make RAW_KEY verify, with these properties."""
    CLIENTS.value = ClientKeys(
        {keys.digest(RAW_KEY): principal(**overrides)}, datetime(2026, 1, 1, tzinfo=UTC)
    )


@pytest.fixture
def edge(request: pytest.FixtureRequest) -> str:
    """Where requests come in: "asgi", or "socket", where the protocol answers by itself. `tests.edges.BOTH` makes a test run at either."""
    return str(getattr(request, "param", "asgi"))


@pytest.fixture
async def gateway(tmp_path: Path, settings: Any, edge: str) -> AsyncIterator[Gateway]:
    settings.FREEAI_SPOOL_DIR = tmp_path / "spool"
    CONFIG.value = Config(max_wait_s=0.0)  # who tests waiting says so
    STRATEGIES.value = dict(BUILT_IN)
    CATALOGUE.value = Catalogue({}, [], frozenset({USER}))
    use_key()
    made = Runtime()
    runtime.install(made)
    client = SocketClient(RAW_KEY) if edge == "socket" else Client(RAW_KEY)
    async with FakeUpstream() as fake:
        yield Gateway(client, fake, made, settings.FREEAI_SPOOL_DIR)
        await client.aclose()
        await made.transport.aclose()
    made.spool.close()
    runtime.install(None)
    for section in (CATALOGUE, STRATEGIES, CLIENTS, CONFIG):
        section.unload()


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait for a condition that another task brings about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the other side is a socket
            await asyncio.sleep(0.01)


__all__ = ["Limit"]


@pytest.fixture
async def upstream() -> AsyncIterator[Pages]:
    async with pages() as made:
        yield made


@pytest.fixture
async def other() -> AsyncIterator[Pages]:
    async with pages() as made:
        yield made
