"""Which behaviour a request gets: header, then script, then model name, then the default."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping

from .answers import Asked
from .behaviours import Behaviour, behaviour_of_model, require_behaviour

BEHAVIOUR_HEADER = "x-fake-behaviour"
ANY_FAMILY = ""


class Selection:
    """Holds the scripts, the default and the failure counts of flaky behaviours."""

    def __init__(self, default: str = "ok") -> None:
        self.default_behaviour = default
        self._scripts: defaultdict[tuple[str, str], deque[Behaviour]] = defaultdict(deque)
        self._failures: Counter[tuple[str, str, str]] = Counter()

    def script(self, provider: str, names: Iterable[str], family: str = ANY_FAMILY) -> None:
        """Append behaviours for the provider's next requests, one each. Raises UnknownBehaviourError.

        Without a `family` they apply to whatever generates; a listing ("models", "key") has to be named.
        """
        self._scripts[provider, family].extend([require_behaviour(name) for name in names])

    def choose(
        self, provider: str, asked: Asked, headers: Mapping[str, str], *, generates: bool
    ) -> Behaviour:
        """This request's behaviour; a scripted one is used up. Raises UnknownBehaviourError."""
        behaviour = self._find(provider, asked, headers, generates)
        if not behaviour.failures:
            return behaviour
        counted = (provider, asked.model, behaviour.name)
        self._failures[counted] += 1
        return require_behaviour("error_500" if self._failures[counted] <= behaviour.failures else "ok")

    def reset(self) -> None:
        """Forget scripts and failure counts; the default stays."""
        self._scripts.clear()
        self._failures.clear()

    def _find(self, provider: str, asked: Asked, headers: Mapping[str, str], generates: bool) -> Behaviour:
        header = headers.get(BEHAVIOUR_HEADER)
        if header is not None:
            return require_behaviour(header)
        families = (asked.family, ANY_FAMILY) if generates else (asked.family,)
        for family in families:
            queue = self._scripts.get((provider, family))
            if queue:
                return queue.popleft()
        if not generates:
            return require_behaviour("ok")
        return behaviour_of_model(asked.model) or require_behaviour(self.default_behaviour)
