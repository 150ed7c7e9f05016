"""Gauges that are read when somebody scrapes: what is left of the quotas, and what waits for the database."""

from apps.analytics import metrics
from apps.core import clock
from apps.gateway.runtime import Runtime
from apps.providers.offers import CATALOGUE


async def refresh(runtime: Runtime) -> None:
    """Set them all to what is true now."""
    metrics.spool(runtime.writer.depth(), runtime.writer.lag_s())
    await _quotas(runtime)


async def _quotas(runtime: Runtime) -> None:
    """Set `freeai_quota_remaining_ratio` to the smallest share left per provider and window, over all credentials and models."""
    offers = list(CATALOGUE.value.all_offers())
    standings = await runtime.store.view([offer.subject for offer in offers], clock.now())
    least: dict[tuple[str, str], float] = {}
    for offer, standing in zip(offers, standings, strict=True):
        for window, used in zip(offer.subject.windows, standing.used, strict=True):
            if window.limit:
                key = (offer.provider, f"{window.metric}/{window.unit}")
                share = max(0.0, 1 - used / window.limit)
                least[key] = min(least.get(key, 1.0), share)
    metrics.quotas_remaining((provider, window, share) for (provider, window), share in least.items())
