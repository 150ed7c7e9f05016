"""Which model a name that nothing bears was meant for: another case, blanks around it, another mark behind the provider, a prefix of the
client's own; of virtual models also one that is misspelt. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches

from apps.providers.offers import Catalogue
from apps.strategies.naming import VIRTUAL_MODELS

MOST_CHARACTERS = 200
LIKENESS = 0.85


def meant(model: str, catalogue: Catalogue) -> str | None:
    """The name to ask for instead of `model`; None where nothing suggests one. For answers that refuse: it looks at every name."""
    bare = model[:MOST_CHARACTERS].strip(" \t\r\n\"'`/")
    for form in dict.fromkeys((bare, bare.replace(":", "/", 1), bare.replace("\\", "/", 1))):
        found = _known(form, catalogue)
        if found is not None and found != model:
            return found
    return next(iter(get_close_matches(bare.lower(), VIRTUAL_MODELS, n=1, cutoff=LIKENESS)), None)


def _known(form: str, catalogue: Catalogue) -> str | None:
    """As `provider/model` first; else by its whole name; else by what stands behind a prefix that is no provider's."""
    prefix, slash, name = form.partition("/")
    name = name.strip(" /")
    provider = _same(prefix.strip(), catalogue.providers)
    if slash and provider is not None:
        offered = (model.name for model in catalogue.providers[provider].models)
        known = _same(name, offered)
        return f"{provider}/{known}" if known is not None else _same(name, VIRTUAL_MODELS)
    names = [*VIRTUAL_MODELS, *catalogue.offered]
    return _same(form, names) or (_same(name, names) if slash else None)


def _same(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that differs by case at most, and rather not at all."""
    alike = [each for each in names if each.lower() == name.lower()]
    return name if name in alike else min(alike, default=None)
