"""Which quota windows usage of the past is charged to: by what the database knows, whatever is enabled just now.

What is disabled may be enabled again, and its account goes on counting meanwhile; a model that nobody lists any more was called
all the same.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from apps.core.state.contract import Window
from apps.core.state.keys import candidate_key, credential_key
from apps.core.state.periods import bounds, seconds
from apps.core.state.windows import SUB_BUCKETS
from apps.providers import quotas
from apps.providers.facts import ProviderFacts
from apps.providers.limit_headers import learnt_windows
from apps.providers.models import Credential, ProviderModel
from apps.providers.offers import UNLISTED, Catalogue
from apps.providers.quotas import Limit, LimitsError, Overrides, parse_limits


class Charges(Struct):
    """`limits`: by provider and model, disabled ones included. `overrides`: by user and provider."""

    providers: Mapping[str, ProviderFacts]
    limits: Mapping[str, Mapping[str, tuple[Limit, ...]]]
    overrides: Mapping[tuple[int, str], Overrides]
    known: dict[tuple[int, str, str], tuple[Window, ...]] = {}

    def windows(self, user_id: int, provider: str, model: str) -> tuple[Window, ...]:
        """The windows of an attempt; of the account and what it shares among unlisted models where nobody knows the model."""
        key = (user_id, provider, model)
        if key not in self.known:
            self.known[key] = self._windows(user_id, provider, model)
        return self.known[key]

    def since(self, now: float) -> dict[str, float]:
        """By provider, the time before which nothing counts any more in any of its windows."""
        spans = {
            provider: {(limit.period, limit.zone) for limit in self._declared(provider)}
            for provider in self.providers
        }
        for (_, provider), overrides in self.overrides.items():
            if provider in spans:
                spans[provider] |= {(span.period, "UTC") for span in overrides.by_span}
        return {
            provider: min(
                # rolling or fixed, whichever reaches further: an override runs as the window that it overrides
                (
                    min(
                        bounds(period, zone, now)[0],
                        now - seconds(period) * (SUB_BUCKETS + 1) / SUB_BUCKETS,
                    )
                    for period, zone in found
                ),
                default=now,
            )
            for provider, found in spans.items()
        }

    def _windows(self, user_id: int, provider: str, model: str) -> tuple[Window, ...]:
        facts = self.providers.get(provider)
        if facts is None:
            return ()
        account = credential_key(user_id, provider)
        overrides = self.overrides.get((user_id, provider), Overrides())
        declared = (limit for each in facts.models for limit in each.limits)
        shared = quotas.account_windows(account, facts.limits, declared, overrides)
        limits = self.limits.get(provider, {}).get(model)
        candidate = candidate_key(account, UNLISTED if limits is None else model)
        own = quotas.model_windows(candidate, limits or (), overrides)
        return shared + own + learnt_windows(facts.preset.for_model(model), candidate, own)

    def _declared(self, provider: str) -> Iterable[Limit]:
        yield from self.providers[provider].limits
        for limits in self.limits.get(provider, {}).values():
            yield from limits


def load(catalogue: Catalogue) -> Charges:
    """Two queries, whatever the size. Raises DatabaseError."""
    limits = {
        name: {model.name: model.limits for model in facts.models}
        for name, facts in catalogue.providers.items()
    }
    disabled = ProviderModel.objects.filter(enabled=False).values_list("provider__name", "name", "limits")
    for provider, model, raw in disabled:
        if provider in limits:
            limits[provider][model] = _readable(raw)
    overrides = {
        (row.user_id, row.provider.name): own
        for row in Credential.objects.select_related("provider")
        if (own := _overrides(row)).by_span
    }
    return Charges(catalogue.providers, limits, overrides)


def _readable(raw: object) -> tuple[Limit, ...]:
    try:
        return parse_limits(raw)
    except LimitsError:  # the catalogue has logged it
        return ()


def _overrides(row: Credential) -> Overrides:
    try:
        return Overrides.of(
            quotas.validate_limits(row.limits), {name: getattr(row, name) for name in quotas.SHORT_FIELDS}
        )
    except LimitsError:
        return Overrides()
