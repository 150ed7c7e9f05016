"""Which quota windows usage of the past is charged to: by what the database knows, whatever is enabled just now.

What is disabled may be enabled again, and its account goes on counting meanwhile; a model that nobody lists any more was called
all the same.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from apps.core.state.contract import Window
from apps.core.state.keys import CONCURRENCY, candidate_key, credential_key
from apps.core.state.periods import ONCE
from apps.core.state.windows import counts_since
from apps.providers import quotas
from apps.providers.accounts import overrides_of, spending_window
from apps.providers.claims import UNTOLD
from apps.providers.evidence import Evidence, load_evidence
from apps.providers.facts import ProviderFacts
from apps.providers.limit_headers import learnt_windows
from apps.providers.limits import Limit, LimitsError, parse_limits
from apps.providers.models import Credential, ProviderModel
from apps.providers.offers import UNLISTED, Catalogue
from apps.providers.overrides import Overrides


class Charges(Struct):
    """`limits`: by provider and model, disabled ones included. `overrides`, `spending` (what paid models may cost): by user and
    provider. `disabled_access`: whether disabled models cost money, by provider and model, where their rows say so."""

    providers: Mapping[str, ProviderFacts]
    limits: Mapping[str, Mapping[str, tuple[Limit, ...]]]
    overrides: Mapping[tuple[int, str], Overrides]
    spending: Mapping[tuple[int, str], tuple[Window, ...]] = {}
    disabled_access: Mapping[tuple[str, str], str] = {}
    known: dict[tuple[int, str, str], tuple[Window, ...]] = {}

    def windows(self, user_id: int, provider: str, model: str) -> tuple[Window, ...]:
        """The windows of an attempt; of the account and what it shares among unlisted models where nobody knows the model."""
        key = (user_id, provider, model)
        if key not in self.known:
            self.known[key] = self._windows(user_id, provider, model)
        return self.known[key]

    def endless(self, user_id: int, provider: str, model: str) -> tuple[Window, ...]:
        """Of those, what never comes back."""
        return tuple(window for window in self.windows(user_id, provider, model) if window.period == ONCE)

    def since(self, now: float) -> dict[str, float]:
        """By provider, the time before which nothing counts any more in any of its windows; 0.0 where all counts."""
        return {
            provider: min((counts_since(window, now) for window in windows), default=now)
            for provider, windows in self._all_windows().items()
        }

    def boundaries(self, now: float) -> frozenset[float]:
        """Where the fixed windows begin that run now, in whatever zone: what was used before is not in them."""
        return frozenset(
            counts_since(window, now)
            for windows in self._all_windows().values()
            for window in windows
            if window.kind == "fixed" and window.period != ONCE and window.metric != CONCURRENCY
        )

    def metered(self) -> frozenset[str]:
        """The providers that count what tokens and requests do not tell."""
        return frozenset(
            provider
            for provider, windows in self._all_windows().items()
            if any(window.metric in UNTOLD for window in windows)
        )

    def _all_windows(self) -> dict[str, list[Window]]:
        """By provider, windows of every metric and length that anybody has there, and of every way in which they run."""
        found = {
            provider: [
                Window.of("", limit.span, limit.limit, kind=limit.kind, zone=limit.zone)
                for limit in self._declared(provider)
            ]
            for provider in self.providers
        }
        for (_, provider), overrides in self.overrides.items():
            if (facts := self.providers.get(provider)) is not None:
                spans = overrides.by_span.keys() | {span for told in overrides.told.values() for span in told}
                like = (facts.scheme.running_like(span) for span in spans)
                found[provider] += [
                    Window.of("", limit.span, limit.limit, kind=limit.kind, zone=limit.zone) for limit in like
                ]
        for (_, provider), windows in self.spending.items():
            if provider in found:
                found[provider] += windows
        return found

    def _windows(self, user_id: int, provider: str, model: str) -> tuple[Window, ...]:
        facts = self.providers.get(provider)
        if facts is None:
            return ()
        account = credential_key(user_id, provider)
        overrides = self.overrides.get((user_id, provider), Overrides())
        limits = self.limits.get(provider, {}).get(model)
        counted_as = UNLISTED if limits is None else model
        candidate = candidate_key(account, counted_as)
        own = quotas.candidate_windows(account, model, counted_as, limits or (), facts.scheme, overrides)
        known = (
            quotas.account_windows(account, facts.scheme, overrides)
            + own
            + learnt_windows(facts.preset.for_model(model), candidate, own)
        )
        return (
            known
            + quotas.learning_counters(account, candidate, known)
            + (() if self._access(facts, model) == "free" else self.spending.get((user_id, provider), ()))
        )

    def _access(self, facts: ProviderFacts, model: str) -> str:
        return self.disabled_access.get((facts.name, model)) or facts.access_of(model)

    def _declared(self, provider: str) -> Iterator[Limit]:
        yield from self.providers[provider].limits
        for limits in self.limits.get(provider, {}).values():
            yield from limits


def load(catalogue: Catalogue) -> Charges:
    """Three queries, whatever the size. Raises DatabaseError."""
    limits = {
        name: {model.name: model.limits for model in facts.models}
        for name, facts in catalogue.providers.items()
    }
    disabled_access: dict[tuple[str, str], str] = {}
    disabled = ProviderModel.objects.filter(enabled=False)
    for provider, model, raw, access in disabled.values_list("provider__name", "name", "limits", "access"):
        if provider in limits:
            limits[provider][model] = _readable(raw)
            disabled_access[provider, model] = access
    evidence = load_evidence()
    rows = list(Credential.objects.select_related("provider"))
    overrides = {
        (row.user_id, row.provider.name): own
        for row in rows
        if (own := _overrides(row, evidence)) != Overrides()
    }
    spending = {
        (row.user_id, row.provider.name): windows
        for row in rows
        if (windows := spending_window(_key(row), row.spend_cap_microusd))
    }
    return Charges(catalogue.providers, limits, overrides, spending, disabled_access)


def _key(row: Credential) -> str:
    return credential_key(row.user_id, row.provider.name)


def _readable(raw: object) -> tuple[Limit, ...]:
    try:
        return parse_limits(raw, of_model=True)
    except LimitsError:  # the catalogue has logged it
        return ()


def _overrides(row: Credential, evidence: Evidence) -> Overrides:
    try:
        return overrides_of(row, evidence)
    except LimitsError:
        return Overrides()
