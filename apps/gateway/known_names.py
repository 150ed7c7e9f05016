"""Which models, strategies and endpoints there are for a client key to be allowed. Asks the database: for forms and commands, never for a
request of `/v1`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from apps.clients.allowed import Kind
from apps.providers.models import Provider, ProviderModel
from apps.providers.tasks import TASKS
from apps.strategies.models import Strategy
from apps.strategies.naming import BUILTIN_NAMES, virtual_names

MOST_SUGGESTED: Final = 5
"""Names for which a like one is looked for: that takes a while with thousands of models."""
MAX_SHOWN: Final = 100


def unknown_names(kind: Kind, names: Sequence[str]) -> list[str]:
    """A sentence for each name that nothing bears, with the one that was meant. Raises DatabaseError."""
    what, read = KNOWN[kind]
    known = read()
    strange = [name for name in names if name not in known]
    if kind == "allowed_models" and strange:
        unlisted = _unlisted()
        strange = [name for name in strange if not name.startswith(unlisted)]
    return [
        f"There is no {what} `{name[:MAX_SHOWN]}`.{_meant(name, known) if at < MOST_SUGGESTED else ''}"
        for at, name in enumerate(strange)
    ]


def _meant(name: str, known: frozenset[str]) -> str:
    alike = {each.lower(): each for each in sorted(known)}
    found = get_close_matches(name.strip().lower(), alike, n=1)
    return f" Did you mean `{alike[found[0]]}`?" if found else ""


def _unlisted() -> tuple[str, ...]:
    """How models of providers begin whose models nobody has listed here, such as servers of the user's own: any name may be theirs."""
    names = Provider.objects.filter(models=None).values_list("name", flat=True)
    return tuple(f"{name}/" for name in names)


def _strategies() -> frozenset[str]:
    return BUILTIN_NAMES.union(Strategy.objects.values_list("name", flat=True))


def _models() -> frozenset[str]:
    return frozenset(_model_names())


def _model_names() -> Iterator[str]:
    for strategy in _strategies():
        yield from virtual_names(strategy)
    for provider, model in ProviderModel.objects.values_list("provider__name", "name"):
        yield model
        yield f"{provider}/{model}"


def _endpoints() -> frozenset[str]:
    return frozenset(task.endpoint for task in TASKS.values())


KNOWN: Final[Mapping[Kind, tuple[str, Callable[[], frozenset[str]]]]] = {
    "allowed_models": ("model", _models),
    "allowed_strategies": ("strategy", _strategies),
    "allowed_endpoints": ("endpoint", _endpoints),
}
