"""The offers among which a request may choose."""

from collections.abc import Iterable, Iterator

from apps.providers.types import Offer


class Pool:
    """Offers of one user for one task. Immutable, and equal to nothing but itself.

    What others work out for a pool (a strategy's view, a ranking) they keep by weak reference: it goes with the pool when the catalogue is
    loaded anew.
    """

    __slots__ = ("__weakref__", "_by_model", "_defaults", "offers")

    def __init__(self, offers: Iterable[Offer] = ()) -> None:
        self.offers = tuple(offers)
        self._by_model: dict[str, Pool] | None = None
        self._defaults: Pool | None = None

    def __iter__(self) -> Iterator[Offer]:
        return iter(self.offers)

    def __len__(self) -> int:
        return len(self.offers)

    def of_model(self, name: str) -> "Pool":
        """The offers of one model, of whatever provider: the same pool for the same name."""
        if self._by_model is None:
            models = dict.fromkeys(offer.model for offer in self.offers)
            self._by_model = {
                model: Pool(offer for offer in self.offers if offer.model == model) for model in models
            }
        return self._by_model.get(name, NO_OFFERS)

    def defaults(self) -> "Pool":
        """Each provider's default model."""
        if self._defaults is None:
            self._defaults = Pool(offer for offer in self.offers if offer.is_default)
        return self._defaults


NO_OFFERS = Pool()
