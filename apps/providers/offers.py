"""What each user can be offered: the in-memory view that the request path reads.

CATALOGUE.value.pool(user_id)           every candidate for automatic routing
CATALOGUE.value.pinned(...)             the one that `provider/model` names
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import structlog
from msgspec.structs import replace

from apps.core.redaction import mask_keys
from apps.core.snapshot import Section
from apps.core.state.contract import Subject, Window
from apps.core.state.keys import candidate_key, credential_key
from apps.providers import quotas
from apps.providers.accounts import Account, account_windows, keyless_account, usable_accounts
from apps.providers.credentials import SECTION
from apps.providers.facts import ModelFacts, ProviderFacts, preferred_by_task, read_provider
from apps.providers.limit_headers import learnt_windows
from apps.providers.models import Credential, Provider, ProviderModel
from apps.providers.pool import NO_OFFERS, Pool
from apps.providers.presets import PresetError, fill_base_url
from apps.providers.quotas import LimitsError
from apps.providers.tasks import TASKS
from apps.providers.types import Offer, Task

log = structlog.get_logger("freeai.providers")

SANDBOX = "sandbox"
UNLISTED = "*"
SCRIPT_TAG = "script"  # sandbox models that only an explicit `sandbox/…` reaches


class Catalogue:
    """Immutable. Pools are built at a user's first request and kept as long as the catalogue."""

    def __init__(
        self, providers: Mapping[str, ProviderFacts], accounts: Iterable[Account], key_holders: frozenset[int]
    ) -> None:
        """`key_holders`: users with any stored key, usable or not."""
        self.providers = providers
        self._accounts: dict[int, dict[str, Account]] = {}
        self._key_holders = key_holders
        self._pools: dict[tuple[int, Task], Pool] = {}
        self._pinned: dict[tuple[int, str, str, Task], Pool] = {}
        for account in accounts:
            self._accounts.setdefault(account.user_id, {})[account.provider] = account
        self._preferred = preferred_by_task(providers.values())
        self._offered = {
            model.name
            for provider in providers.values()
            if provider.enabled
            for model in provider.models
            if SCRIPT_TAG not in model.tags
        }

    def pool(self, user_id: int, task: Task = "chat") -> Pool:
        """Every candidate for automatic routing.

        A user who never stored a key gets the sandbox's default script, so that a first request works. One
        whose keys are all disabled or unreadable gets nothing: a made-up answer must not hide that.
        """
        key = (user_id, task)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = Pool(self._build_offers(user_id, task))
        return pool

    def offers_for(self, user_id: int, task: Task = "chat") -> tuple[Offer, ...]:
        """The offers of `pool`."""
        return self.pool(user_id, task).offers

    def preferred(self, task: Task) -> tuple[ProviderFacts, ...]:
        """The providers that come first for `task` (see `Preset.order`), in that order."""
        return self._preferred.get(task, ())

    def pinned(self, user_id: int, provider: str, model: str, task: Task = "chat") -> Pool:
        """The offer of `provider/model`, or none.

        The sandbox's scripts are open to everybody while the sandbox is enabled.
        """
        key = (user_id, provider, model, task)
        pool = self._pinned.get(key, NO_OFFERS)
        if not pool:
            pool = Pool(self._build_pinned(*key))
            if pool:  # a name that nothing bears is the client's own: there is no end of those
                self._pinned[key] = pool
        return pool

    def unlisted(self, user_id: int, provider: str, model: str, task: Task) -> tuple[Offer, ...]:
        """An offer of a model that only the upstream knows there, or none without a usable credential.

        The name is the client's: all such models of an account share one state key, whatever their number.
        """
        facts = self.providers.get(provider)
        account = self._accounts.get(user_id, {}).get(provider)
        if facts is None or account is None:
            return ()
        found = ModelFacts(
            name=UNLISTED,
            task=task,
            capabilities=TASKS[task].abilities - facts.preset.for_model(model).incapable,
            context_window=0,
            max_output_tokens=None,
            limits=(),
            price=None,
            tags=(),
        )
        return (
            replace(_offer(account, facts, found, task), model=model, preset=facts.preset.for_model(model)),
        )

    def all_offers(self) -> Iterator[Offer]:
        """Every model of every usable credential, once and by its own task."""
        for accounts in self._accounts.values():
            for account in accounts.values():
                facts = self.providers[account.provider]
                for model in facts.models:
                    yield _offer(account, facts, model, model.task)

    def has_credentials(self, user_id: int) -> bool:
        """Whether the user has any usable credential of their own."""
        return bool(self._accounts.get(user_id))

    def account_windows(self, user_id: int, provider: str) -> tuple[Window, ...]:
        """The effective windows of a user's account there, with or without a credential; none for an unknown
        provider.
        """
        account = self._accounts.get(user_id, {}).get(provider)
        facts = self.providers.get(provider)
        if account is not None:
            return account.windows
        if facts is None:
            return ()
        return account_windows(facts, credential_key(user_id, provider))

    def offers_model(self, name: str) -> bool:
        """Whether any enabled provider has this model, for anybody."""
        return name in self._offered

    def rekeyed_since(self, previous: "Catalogue") -> tuple[str, ...]:
        """State keys of credentials that are new since `previous`, whose key or settings were edited, whose key was tested well, or that
        reach another address: their quarantine is over.

        Storing the same key again counts: its owner may have made it valid meanwhile.
        """
        return tuple(
            account.key
            for user_id, accounts in self._accounts.items()
            for provider, account in accounts.items()
            if (old := previous._accounts.get(user_id, {}).get(provider)) is None
            or (old.sealed, old.settings, old.trusted_since)
            != (account.sealed, account.settings, account.trusted_since)
            or self.providers[provider].base_url != previous.providers[provider].base_url
        )

    def trusted_since(self) -> Iterator[tuple[str, float]]:
        """The state key of each credential, and the time before which nothing counts that was said of its key."""
        for accounts in self._accounts.values():
            for account in accounts.values():
                yield account.key, account.trusted_since

    def _account(self, user_id: int, provider: str) -> Account | None:
        account = self._accounts.get(user_id, {}).get(provider)
        if account is None and provider == SANDBOX:
            return self._sandbox_account(user_id)
        return account

    def _sandbox_account(self, user_id: int) -> Account | None:
        facts = self.providers.get(SANDBOX)
        return keyless_account(user_id, facts) if facts is not None and facts.enabled else None

    def _build_pinned(self, user_id: int, provider: str, model: str, task: Task) -> Iterator[Offer]:
        facts = self.providers.get(provider)
        account = self._account(user_id, provider)
        if facts is None or account is None:
            return
        for found in facts.models:
            if found.name == model and found.serves(task, facts.preset):
                yield _offer(account, facts, found, task)

    def _build_offers(self, user_id: int, task: Task) -> Iterable[Offer]:
        accounts = list(self._accounts.get(user_id, {}).values())
        if not accounts and user_id not in self._key_holders and (sandbox := self._sandbox_account(user_id)):
            accounts = [sandbox]
        for account in accounts:
            facts = self.providers[account.provider]
            for model in facts.models:
                if SCRIPT_TAG not in model.tags and model.serves(task, facts.preset):
                    yield _offer(account, facts, model, task)


def _offer(account: Account, facts: ProviderFacts, model: ModelFacts, task: Task) -> Offer:
    candidate = candidate_key(account.key, model.name)
    own = quotas.model_windows(candidate, model.limits, account.overrides)
    preset = facts.preset.for_model(model.name)
    windows = account.windows + own + learnt_windows(preset, candidate, own)
    return Offer(
        provider=facts.name,
        model=model.name,
        task=task,
        subject=Subject(account.key, candidate, windows),
        preset=preset,
        base_url=fill_base_url(facts.base_url, account.settings),
        api_key=account.secret,
        user_id=account.user_id,
        capabilities=model.capabilities,
        context_window=model.context_window,
        max_output_tokens=model.max_output_tokens,
        weight=facts.weight if account.weight is None else account.weight,
        tags=tuple(dict.fromkeys(facts.tags + model.tags)),
        price=model.price,
        max_retries=account.max_retries,
        is_default=model.name == facts.default_for(task, account.default_model),
    )


def load(_previous: Catalogue | None) -> Catalogue:
    """The catalogue as it is in the database: three queries, whatever the size. Raises DatabaseError.

    A row that cannot be used (an unreadable key, malformed JSON) is left out and logged, so that it takes
    nothing else with it.
    """
    rows: dict[int, list[ProviderModel]] = defaultdict(list)
    for model in ProviderModel.objects.filter(enabled=True).order_by("provider_id", "name"):
        rows[model.provider_id].append(model)
    providers = dict(_load_providers(rows))
    mask_keys(prefix for facts in providers.values() for prefix in facts.preset.key_prefixes)
    credentials = list(Credential.objects.select_related("provider").order_by("user_id", "provider__name"))
    holders = frozenset(credential.user_id for credential in credentials if credential.encrypted_key)
    return Catalogue(providers, usable_accounts(credentials, providers), holders)


def _load_providers(models: Mapping[int, list[ProviderModel]]) -> Iterator[tuple[str, ProviderFacts]]:
    for row in Provider.objects.all():
        try:
            yield row.name, read_provider(row, models.get(row.pk, ()))
        except (PresetError, LimitsError) as error:
            log.error("provider.unusable", provider=row.name, error=str(error))


CATALOGUE: Section[Catalogue] = Section(SECTION, load)
