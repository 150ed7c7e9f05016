"""The model names that select a strategy: the eight virtual models, and `freeai-<name>` for every strategy, custom ones included.

The prefix has its one home here. `freeai-<name>` must select that strategy and nothing else, so some names are taken.
"""

from collections.abc import Mapping
from typing import Final

PREFIX: Final = "freeai-"
_SUFFIXES: Final[Mapping[str, str]] = {
    "auto": "auto",
    "fast": "fastest",
    "quality": "best_quality",
    "code": "coding",
    "reasoning": "reasoning",
    "cheap": "cheapest",
    "vision": "vision",
    "long": "long_context",
}
VIRTUAL_MODELS: Final[Mapping[str, str]] = {
    PREFIX + suffix: strategy for suffix, strategy in _SUFFIXES.items()
}
"""Virtual model -> the strategy that it selects, in the order of GET /v1/models."""
DEFAULT_MODEL: Final = PREFIX + "auto"
"""What a request that names no model is taken to ask for."""

BUILTIN_NAMES: Final = frozenset(VIRTUAL_MODELS.values())
RESERVED_NAMES: Final = frozenset(_SUFFIXES) - BUILTIN_NAMES | {"preview"}
"""The virtual models' own suffixes, and `preview`, which is a route of `/api/strategies`."""


def is_virtual(model: str) -> bool:
    """Whether the name selects a strategy, if there is one of that name, and never a provider's model."""
    return model.startswith(PREFIX)


def selected_by(model: str) -> str:
    """The name of the strategy that a virtual name selects."""
    return VIRTUAL_MODELS.get(model, model.removeprefix(PREFIX))


def virtual_names(strategy: str) -> frozenset[str]:
    """Every name that selects the strategy."""
    return frozenset(
        {virtual_name(strategy)} | {name for name, it in VIRTUAL_MODELS.items() if it == strategy}
    )


def virtual_name(strategy: str) -> str:
    """The name of any strategy as a model."""
    return PREFIX + strategy


def is_builtin_name(name: str) -> bool:
    """Whether a built-in strategy has this name, in any case of its letters."""
    return name.lower() in BUILTIN_NAMES


def name_problem(name: str) -> str | None:
    """Why a custom strategy cannot be called so; None where it can."""
    if is_builtin_name(name):
        return "A built-in strategy has this name."
    return f"The name {name} is reserved." if name.lower() in RESERVED_NAMES else None
