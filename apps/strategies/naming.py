"""Names that a custom strategy cannot have: `freeai-<name>` must select it and nothing else."""

from typing import Final

from apps.strategies.library import VIRTUAL_MODELS
from apps.strategies.resolver import PREFIX

BUILTIN_NAMES: Final = frozenset(VIRTUAL_MODELS.values())
RESERVED_NAMES: Final = frozenset(
    {model.removeprefix(PREFIX) for model in VIRTUAL_MODELS} - BUILTIN_NAMES | {"preview"}
)
"""The virtual models' own suffixes, and `preview`, which is a route of `/api/strategies`."""


def is_builtin_name(name: str) -> bool:
    """Whether a built-in strategy has this name, in any case of its letters."""
    return name.lower() in BUILTIN_NAMES


def name_problem(name: str) -> str | None:
    """Why a custom strategy cannot be called so; None where it can."""
    if is_builtin_name(name):
        return "A built-in strategy has this name."
    return f"The name {name} is reserved." if name.lower() in RESERVED_NAMES else None
