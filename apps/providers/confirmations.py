"""When each model last gave a real answer: noted as answers come, written now and then."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Final

from apps.core import clock
from apps.providers.models import ProviderModel

EVERY_S: Final = 3600.0
"""No model's time is written more often."""
MOST_MODELS: Final = 10_000

Name = tuple[str, str]
"""Provider and model."""


class Confirmations:
    """What has answered in this process since it was last written. Names that are too many are left out until then."""

    def __init__(self) -> None:
        self._answered: set[Name] = set()
        self._written: dict[Name, float] = {}

    def note(self, provider: str, model: str) -> None:
        """It has just answered."""
        if len(self._answered) < MOST_MODELS:
            self._answered.add((provider, model))

    def write(self) -> None:
        """Write what was not written within the hour; the rest waits. Raises DatabaseError, and then nothing is forgotten.

        No snapshot holds these times, so nothing is announced.
        """
        now = clock.now()
        self._written = {name: at for name, at in self._written.items() if 0 <= now - at < EVERY_S}
        due = [name for name in tuple(self._answered) if name not in self._written]
        del due[max(0, MOST_MODELS - len(self._written)) :]
        models: dict[str, list[str]] = defaultdict(list)
        for provider, model in due:
            models[provider].append(model)
        for provider, names in models.items():
            rows = ProviderModel.objects.filter(provider__name=provider, name__in=names)
            rows.update(confirmed_at=datetime.fromtimestamp(now, UTC))
        self._written.update(dict.fromkeys(due, now))
        self._answered.difference_update(due)
