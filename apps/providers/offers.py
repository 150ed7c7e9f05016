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
from apps.core.state.contract import Window
from apps.core.state.keys import credential_key
from apps.providers.accounts import (
    Account,
    account_windows,
    keyless_account,
    usable_accounts,
    why_unused,
)
from apps.providers.credentials import SECTION
from apps.providers.evidence import load_evidence
from apps.providers.facts import ModelFacts, ProviderFacts, preferred_by_task, read_provider
from apps.providers.limits import LimitsError
from apps.providers.making import make_offer
from apps.providers.models import Credential, Provider, ProviderModel
from apps.providers.pool import NO_OFFERS, Pool
from apps.providers.presets import PresetError
from apps.providers.sealed_keys import SealedKeys
from apps.providers.tasks import TASKS
from apps.providers.types import Offer, Task

log = structlog.get_logger("freeai.providers")

SANDBOX = "sandbox"
UNLISTED = "*"
SCRIPT_TAG = "script"  # sandbox models that only an explicit `sandbox/…` reaches


class Catalogue:
    """Immutable. Pools are built at a user's first request and kept as long as the catalogue."""

    def __init__(
        self,
        providers: Mapping[str, ProviderFacts],
        accounts: Iterable[Account],
        key_holders: frozenset[int],
        unused: Mapping[int, tuple[str, ...]] | None = None,
        sealed: SealedKeys | None = None,
    ) -> None:
        """`key_holders`: users with any stored key, usable or not. `unused`: by user, why keys of theirs serve no more. `offered` are the
        models of enabled providers, for anybody. `sealed`: how the keys were read."""
        self.sealed = sealed or SealedKeys()
        self.providers = providers
        self._unused = unused or {}
        self._accounts: dict[int, dict[str, Account]] = {}
        self._key_holders = key_holders
        self._offers: dict[tuple[int, Task], tuple[Offer, ...]] = {}
        self._pools: dict[tuple[int, Task, bool], Pool] = {}
        self._pinned: dict[tuple[int, str, str, Task], Pool] = {}
        for account in accounts:
            self._accounts.setdefault(account.user_id, {})[account.provider] = account
        self._preferred = preferred_by_task(providers.values())
        self.offered = {
            model.name
            for provider in providers.values()
            if provider.in_use
            for model in provider.models
            if SCRIPT_TAG not in model.tags
        }

    def pool(self, user_id: int, task: Task = "chat", *, paid: bool = False) -> Pool:
        """Every candidate for automatic routing. `paid`: the operator lets users spend money, each where they allow it.

        A user who never stored a key gets the sandbox's default script, so that a first request works. One
        whose keys are all disabled or unreadable gets nothing: a made-up answer must not hide that.
        """
        key = (user_id, task, paid)
        pool = self._pools.get(key)
        if pool is None:
            offers = self._offers.get((user_id, task))
            if offers is None:  # both of a user's pools are made of them
                offers = self._offers[user_id, task] = tuple(self._build_offers(user_id, task))
            pool = self._pools[key] = self.opened(offers, paid=paid)
        return pool

    def offers_for(self, user_id: int, task: Task = "chat") -> tuple[Offer, ...]:
        """The offers of `pool`."""
        return self.pool(user_id, task).offers

    def models_of(self, user_id: int, provider: str, task: Task) -> frozenset[str]:
        """The models of one provider that requests may choose; those that cost money where there is no other."""
        pool = self.pool(user_id, task)
        chosen = frozenset(offer.model for offer in pool.offers if offer.provider == provider)
        return chosen or frozenset(offer.model for offer in pool.withheld if offer.provider == provider)

    def offers_at(self, user_id: int, provider: str) -> Iterator[Offer]:
        """One offer of each model that the user may name there, those included that nobody gets unasked."""
        facts = self.providers.get(provider)
        account = self.account(user_id, provider)
        if facts is not None and account is not None:
            for model in facts.models:
                yield make_offer(account, facts, model, model.task)

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

    def aside(self, user_id: int, model: str, task: Task = "chat", *, paid: bool = False) -> Pool:
        """The offers of a model that nobody gets without naming it: its provider lists it no more, or not to this key, or nobody knows
        what it can do."""
        offers = (
            offer for name in self.providers for offer in self._build_pinned(user_id, name, model, task)
        )
        return self.opened(offers, paid=paid)

    def unlisted(self, user_id: int, provider: str, model: str, task: Task) -> tuple[Offer, ...]:
        """An offer of a model that only the upstream knows there, or none without a usable credential.

        The name is the client's: all such models of an account share one state key, whatever their number.
        """
        facts = self.providers.get(provider)
        account = self.account(user_id, provider)
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
            access=facts.access,
        )
        return (
            replace(
                make_offer(account, facts, found, task, model),
                model=model,
                preset=facts.preset.for_model(model),
            ),
        )

    def why_unused(self, user_id: int) -> tuple[str, ...]:
        """Why keys of the user serve no more, in words."""
        return self._unused.get(user_id, ())

    def opened(self, offers: Iterable[Offer], *, paid: bool) -> Pool:
        """The pool of `offers` for a request that pins none of them: what costs money is withheld where the operator (`paid`) or its
        user does not allow it, and where nobody knows how much: no cap could hold it."""
        is_open: list[Offer] = []
        withheld: list[Offer] = []
        for offer in offers:
            account = self.account(offer.user_id, offer.provider)
            allowed = paid and account is not None and account.use_paid and offer.price is not None
            (is_open if offer.access == "free" or allowed else withheld).append(offer)
        return Pool(is_open, withheld)

    def accounts(self, user_id: int | None = None) -> Iterator[Account]:
        """Every usable credential, of one user or of all."""
        users = self._accounts.values() if user_id is None else (self._accounts.get(user_id, {}),)
        for accounts in users:
            yield from accounts.values()

    def account(self, user_id: int, provider: str) -> Account | None:
        """The user's usable credential there."""
        return self._accounts.get(user_id, {}).get(provider)

    def has_credentials(self, user_id: int) -> bool:
        """Whether the user has any usable credential of their own."""
        return bool(self._accounts.get(user_id))

    def is_used(self, provider: str) -> bool:
        """Whether anybody has a usable credential for it."""
        return any(provider in accounts for accounts in self._accounts.values())

    def account_windows(self, user_id: int, provider: str) -> tuple[Window, ...]:
        """The effective windows of a user's account there, with or without a credential; none for an unknown
        provider.
        """
        account = self.account(user_id, provider)
        facts = self.providers.get(provider)
        if account is not None:
            return account.windows
        if facts is None:
            return ()
        return account_windows(facts, credential_key(user_id, provider))

    def offers_model(self, name: str) -> bool:
        """Whether any enabled provider has this model, for anybody."""
        return name in self.offered

    def _account(self, user_id: int, provider: str) -> Account | None:
        account = self.account(user_id, provider)
        if account is None and provider == SANDBOX:
            return self._sandbox_account(user_id)
        return account

    def _sandbox_account(self, user_id: int) -> Account | None:
        facts = self.providers.get(SANDBOX)
        return keyless_account(user_id, facts) if facts is not None and facts.in_use else None

    def _build_pinned(self, user_id: int, provider: str, model: str, task: Task) -> Iterator[Offer]:
        facts = self.providers.get(provider)
        account = self._account(user_id, provider)
        if facts is None or account is None:
            return
        for found in facts.models:
            if found.name == model and found.serves(task, facts.preset):
                yield make_offer(account, facts, found, task)

    def _build_offers(self, user_id: int, task: Task) -> Iterable[Offer]:
        accounts = list(self._accounts.get(user_id, {}).values())
        if not accounts and user_id not in self._key_holders and (sandbox := self._sandbox_account(user_id)):
            accounts = [sandbox]
        for account in accounts:
            facts = self.providers[account.provider]
            for model in facts.models:
                if _is_chosen(model, account) and model.serves(task, facts.preset):
                    yield make_offer(account, facts, model, task)


def _is_chosen(model: ModelFacts, account: Account) -> bool:
    """Whether requests that do not pin the model may get it."""
    return model.is_chosen and SCRIPT_TAG not in model.tags and model.name not in account.withheld


def load(previous: Catalogue | None) -> Catalogue:
    """The catalogue as it is in the database: four queries, whatever the size. Raises DatabaseError.

    A key that no master key reads any more is the one that it was, where it was read before. A row that cannot be used
    (an unreadable key, malformed JSON) is left out and logged, so that it takes nothing else with it.
    """
    rows: dict[int, list[ProviderModel]] = defaultdict(list)
    for model in ProviderModel.objects.filter(enabled=True).order_by("provider_id", "name"):
        rows[model.provider_id].append(model)
    providers = dict(_load_providers(rows))
    mask_keys(prefix for facts in providers.values() for prefix in facts.preset.key_prefixes)
    credentials = list(Credential.objects.select_related("provider").order_by("user_id", "provider__name"))
    keyed = [credential for credential in credentials if credential.encrypted_key]
    sealed = SealedKeys(previous.sealed if previous is not None else None)
    holders = frozenset(credential.user_id for credential in keyed)
    return Catalogue(
        providers,
        usable_accounts(credentials, providers, load_evidence(), sealed),
        holders,
        why_unused(keyed, providers),
        sealed,
    )


def _is_stale(catalogue: Catalogue) -> bool:
    return catalogue.sealed.may_be_read_now()


def _load_providers(models: Mapping[int, list[ProviderModel]]) -> Iterator[tuple[str, ProviderFacts]]:
    for row in Provider.objects.all():
        try:
            yield row.name, read_provider(row, models.get(row.pk, ()))
        except (PresetError, LimitsError) as error:
            log.error("provider.unusable", provider=row.name, error=str(error))


CATALOGUE: Section[Catalogue] = Section(SECTION, load, _is_stale)
