"""Reading the environment: `FREEAI_*` variables, and secrets that live in the data directory when no variable gives them."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def text(name: str, default: str = "") -> str:
    """The variable, stripped."""
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool = False) -> bool:
    """A yes or no. Raises ImproperlyConfigured on anything else."""
    value = os.environ.get(name, "1" if default else "0").strip().lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be one of 1, 0, true, false, yes, no, on, off; it is {value!r}.")


def integer(name: str, default: int, minimum: int = 0) -> int:
    """A whole number of at least `minimum`. Raises ImproperlyConfigured."""
    value = os.environ.get(name, "").strip() or str(default)
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number; it is {value!r}.") from None
    if number < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}; it is {number}.")
    return number


def listing(name: str, default: str = "") -> list[str]:
    """Comma-separated values, empty ones left out."""
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]


def secret(name: str, path: Path, generate: Callable[[], str]) -> str:
    """The variable, else the file, else a new value written to the file (mode 600)."""
    if value := text(name):
        return value
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _create_once(path, generate())


def _create_once(path: Path, value: str) -> str:
    """Write `value` unless another process was first; return what the file then holds."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(value + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        return path.read_text().strip()
    finally:
        draft.unlink()
    return value
