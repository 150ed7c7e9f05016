"""Reading the catalogue: one TOML file a provider, in the folder `catalogue`.

What is read is valid, or the error says where not.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, field

from apps.core.json_types import JSONObject
from apps.providers.presets import PresetError, parse_preset, undeclared_settings
from apps.providers.quotas import LimitsError, parse_limits
from apps.providers.types import Capability, Task

FOLDER = Path(__file__).resolve().parent / "catalogue"
SCHEMES = ("http", "https", "sandbox")

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9_-]+$", max_length=40)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


class CatalogueError(Exception):
    """A catalogue file that cannot be used.

    The message names the file, and the model and field where there is one.
    """


class ModelEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A `[[models]]` table.

    Prices are list prices in USD per million tokens; one price alone leaves the other at 0.
    """

    name: Name
    task: Task = "chat"
    enabled: bool = True
    capabilities: list[Capability] = field(default_factory=list)
    context_window: Count = 0
    max_output_tokens: Count | None = None
    limits: list[JSONObject] = field(default_factory=list)
    prompt_usd: NotNegative | None = None
    completion_usd: NotNegative | None = None
    tags: list[Name] = field(default_factory=list)

    def columns(self) -> JSONObject:
        """The shipped values by column of ProviderModel; money in micro-dollars."""
        priced = self.prompt_usd is not None or self.completion_usd is not None
        return {
            "task": self.task,
            "enabled": self.enabled,
            "capabilities": list(self.capabilities),
            "context_window": self.context_window,
            "max_output_tokens": self.max_output_tokens,
            "limits": self.limits,
            "prompt_microusd": round((self.prompt_usd or 0) * 1_000_000) if priced else None,
            "completion_microusd": round((self.completion_usd or 0) * 1_000_000) if priced else None,
            "tags": self.tags,
        }


class ProviderEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file: a provider and its models.

    `default_model` may only be missing where there are no chat models: those of a server of the user's own. `notes`: what its numbers
    do not say, for docs/PROVIDERS.md, in Markdown.
    """

    name: Slug
    display_name: Name
    base_url: Name
    default_model: str = ""
    key_url: str = ""
    notes: str = ""
    enabled: bool = True
    tags: list[Name] = field(default_factory=list)
    weight: NotNegative = 1.0
    requires_key: bool = True
    wire: JSONObject = field(default_factory=dict)
    limits: list[JSONObject] = field(default_factory=list)
    models: tuple[ModelEntry, ...] = ()

    def columns(self) -> JSONObject:
        """The shipped values by column of Provider."""
        return {
            name: getattr(self, name)
            for name in self.__struct_fields__
            if name not in ("name", "notes", "models")
        }


Entry = TypeVar("Entry", ModelEntry, ProviderEntry)


def read_catalogue(folder: Path | None = None) -> tuple[ProviderEntry, ...]:
    """Every provider of the catalogue (the shipped one without an argument), by file name. Raises CatalogueError, for an empty folder
    too."""
    folder = folder or FOLDER
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise CatalogueError(f"{folder}: no catalogue files")
    return tuple(_read(path) for path in paths)


def shipped_key_prefixes() -> frozenset[str]:
    """How the keys of the catalogue's providers begin. For every process at its start, the broken and the unset-up ones too: a file
    that cannot be used has none, and `read_catalogue` says why."""
    prefixes: set[str] = set()
    for path in FOLDER.glob("*.toml"):
        try:
            prefixes.update(parse_preset(_table(path).get("wire", {})).key_prefixes)
        except (CatalogueError, PresetError):
            continue
    return frozenset(prefixes)


def _table(path: Path) -> JSONObject:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise CatalogueError(f"{path.name}: {error}") from error


def _read(path: Path) -> ProviderEntry:
    table = _table(path)
    raw_models = table.pop("models", [])
    if not isinstance(raw_models, list):
        raise CatalogueError(f"{path.name}: models: must be an array of tables")
    models = tuple(
        _convert(raw, ModelEntry, _place(path, raw, index)) for index, raw in enumerate(raw_models)
    )
    provider = msgspec.structs.replace(_convert(table, ProviderEntry, path.name), models=models)
    _check_provider(provider, path)
    return provider


def _place(path: Path, raw: Any, index: int) -> str:
    name = raw.get("name") if isinstance(raw, dict) else None
    return f"{path.name}: model {name!r}" if name else f"{path.name}: models[{index}]"


def _convert(raw: Any, kind: type[Entry], place: str) -> Entry:
    try:
        entry = msgspec.convert(raw, kind)
        parse_limits(entry.limits)
    except (msgspec.ValidationError, LimitsError) as error:
        raise CatalogueError(f"{place}: {error}") from error
    return entry


def _check_provider(provider: ProviderEntry, path: Path) -> None:
    """What the types do not say: names that must fit together, and the wire table. Raises CatalogueError."""
    if provider.name != path.stem:
        raise CatalogueError(f"{path.name}: name: {provider.name!r} is not the name of the file")
    if urlsplit(provider.base_url).scheme not in SCHEMES:
        raise CatalogueError(f"{path.name}: base_url: must start with one of {', '.join(SCHEMES)}")
    try:
        preset = parse_preset(provider.wire)
    except PresetError as error:
        raise CatalogueError(f"{path.name}: {error}") from error
    if undeclared := undeclared_settings(provider.base_url, preset):
        raise CatalogueError(f"{path.name}: base_url: {undeclared[0]!r} is not in wire.settings")
    _check_models(provider, path)


def _check_models(provider: ProviderEntry, path: Path) -> None:
    """Names are unique, and the default is an enabled chat model. Raises CatalogueError."""
    names = [model.name for model in provider.models]
    for name in names:
        if names.count(name) > 1:
            raise CatalogueError(f"{path.name}: model {name!r}: name: listed twice")
    chat = [model.name for model in provider.models if model.task == "chat" and model.enabled]
    if provider.default_model not in (chat or [""]):
        raise CatalogueError(
            f"{path.name}: default_model: {provider.default_model!r} is no enabled chat model here"
        )
