"""The offers among which a request may choose."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from apps.providers.types import Offer


class Pool:
    """Offers of one user for one task. Immutable, and equal to nothing but itself. `withheld`: what would be among them if it did not
    cost money, `barred`: if it did not train on what it is sent; nobody chooses those, and whoever finds no other says why.

    What others work out for a pool (a strategy's view, a ranking) they keep by weak reference: it goes with the pool when the catalogue is
    loaded anew.
    """

    __slots__ = ("__weakref__", "_by_model", "_defaults", "_untrained", "barred", "offers", "withheld")

    def __init__(
        self, offers: Iterable[Offer] = (), withheld: Iterable[Offer] = (), barred: Iterable[Offer] = ()
    ) -> None:
        self.offers = tuple(offers)
        self.withheld = tuple(withheld)
        self.barred = tuple(barred)
        self._by_model: dict[str, Pool] | None = None
        self._defaults: Pool | None = None
        self._untrained: Pool | None = None

    def __iter__(self) -> Iterator[Offer]:
        return iter(self.offers)

    def __len__(self) -> int:
        return len(self.offers)

    def only(self, suits: Callable[[Offer], bool]) -> "Pool":
        """What suits, of the offers, of the withheld and of the barred."""
        return Pool(*(filter(suits, some) for some in (self.offers, self.withheld, self.barred)))

    def untrained(self) -> "Pool":
        """What never trains on what it is sent; the rest is barred."""
        if self._untrained is None:
            kept = self.only(lambda offer: not offer.trains)
            training = [offer for offer in self.offers + self.withheld if offer.trains]
            self._untrained = Pool(kept.offers, kept.withheld, (*self.barred, *training))
        return self._untrained

    def of_model(self, name: str) -> "Pool":
        """The offers of one model, of whatever provider: the same pool for the same name."""
        if self._by_model is None:
            models = dict.fromkeys(offer.model for offer in self.offers + self.withheld)
            self._by_model = {model: self.only(partial(_is_model, model)) for model in models}
        return self._by_model.get(name, NO_OFFERS)

    def defaults(self) -> "Pool":
        """Each provider's default model."""
        if self._defaults is None:
            self._defaults = self.only(lambda offer: offer.is_default)
        return self._defaults


def _is_model(name: str, offer: Offer) -> bool:
    return offer.model == name


NO_OFFERS = Pool()
