"""In which order candidates are attempted."""

from collections.abc import Iterable, Iterator

from apps.providers.types import Offer


class Order:
    """The offers as they are ranked; but of a provider that failed the rest comes behind the others, for what fails at a provider most
    often fails for all of its models. They are asked for one by one: most requests need the first alone."""

    def __init__(self, offers: Iterable[Offer]) -> None:
        self._offers = offers
        self._deferred: set[str] = set()

    def __iter__(self) -> Iterator[Offer]:
        left: Iterable[Offer] = self._offers
        while True:
            behind: list[Offer] = []
            for offer in left:
                if offer.provider in self._deferred:
                    behind.append(offer)
                else:
                    yield offer
            if not behind:
                return
            self._deferred.clear()
            left = behind

    def defer(self, provider: str) -> None:
        """An attempt there has failed."""
        self._deferred.add(provider)
