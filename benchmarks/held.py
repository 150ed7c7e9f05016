"""What a gateway without a database has in memory: candidates that all lead to one upstream, and a client key."""

from datetime import UTC, datetime

from apps.clients import keys
from apps.clients.keys import CLIENTS, ClientKeys, Record
from apps.core.state.keys import credential_key
from apps.gateway.config import CONFIG, Config
from apps.providers.accounts import Account, spending_window
from apps.providers.facts import ModelFacts, ProviderFacts
from apps.providers.offers import CATALOGUE, Catalogue
from apps.providers.overrides import Overrides
from apps.providers.quotas import Scheme, account_windows
from apps.providers.types import TRAINING_UNKNOWN, Preset, Price, Secret
from apps.strategies.definition import parse_definition
from apps.strategies.library import STRATEGIES, LoadedStrategy, builtins
from benchmarks import wire

ABLE = frozenset({"tools", "json_object", "vision"})
CONTEXT_WINDOW = 8_000_000


def hold(url: str, candidates: int, key: str, user: int) -> None:
    """So many candidates at `url` as the snapshot, and `key` of `user`."""
    names = [f"bench-{number:03}" for number in range(1, candidates + 1)]
    CONFIG.value = Config()
    STRATEGIES.value = {
        entry["name"]: LoadedStrategy(
            entry["name"], entry["description"], parse_definition(entry["definition"])
        )
        for entry in builtins()
    }
    providers = {name: _provider(name, url) for name in names}
    CATALOGUE.value = Catalogue(providers, [_account(name, user) for name in names], frozenset({user}))
    record = Record(
        client_id=1,
        user_id=user,
        username="admin",
        is_admin=True,
        name="bench",
        rpm_limit=0,
        allowed_models=frozenset(),
        allowed_strategies=frozenset(),
        windows=(),
        closed=None,
        expires_at=float("inf"),
    )
    CLIENTS.value = ClientKeys({keys.digest(key): record}, datetime(2026, 1, 1, tzinfo=UTC))


def _provider(name: str, url: str) -> ProviderFacts:
    model = ModelFacts(
        name=wire.MODEL,
        task="chat",
        capabilities=ABLE,
        context_window=CONTEXT_WINDOW,
        max_output_tokens=None,
        limits=(),
        price=Price(150_000, 600_000),
        tags=(),
        access="free",
    )
    return ProviderFacts(
        name=name,
        display_name=name,
        base_url=f"{url}/v1",
        enabled=True,
        requires_key=True,
        is_custom=True,
        weight=1.0,
        tags=(),
        default_model=wire.MODEL,
        preset=Preset(),
        limits=(),
        models=(model,),
        access="free",
        trains=TRAINING_UNKNOWN,
    )


def _account(name: str, user: int) -> Account:
    key = credential_key(user, name)
    return Account(
        user_id=user,
        provider=name,
        key=key,
        secret=Secret(wire.PROVIDER_KEY),
        windows=account_windows(key, Scheme.of((), ()), Overrides()),
        max_retries=0,
        use_paid=False,
        spending=spending_window(key, None),
    )
