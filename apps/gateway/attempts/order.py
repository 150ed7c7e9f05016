"""In which order candidates are attempted."""

from collections.abc import Iterator

from apps.providers.types import Offer


class Order:
    """The offers as they are ranked; but of a provider that failed the rest comes behind the others, for what fails at a provider most
    often fails for all of its models."""

    def __init__(self, offers: list[Offer]) -> None:
        self._offers = offers
        self._deferred: set[str] = set()

    def __iter__(self) -> Iterator[Offer]:
        left = self._offers
        while left:
            behind: list[Offer] = []
            for offer in left:
                if offer.provider in self._deferred:
                    behind.append(offer)
                else:
                    yield offer
            self._deferred.clear()
            left = behind

    def defer(self, provider: str) -> None:
        """An attempt there has failed."""
        self._deferred.add(provider)
