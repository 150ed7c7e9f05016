"""Reading the catalogue: one TOML file a provider, in the folder `catalogue`.

What is read is valid, or the error says where not.
"""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, field

from apps.core.json_types import JSONObject
from apps.providers.limits import LimitsError, parse_limits, written_limits
from apps.providers.presets import PresetError, parse_preset, undeclared_settings
from apps.providers.tasks import TASKS
from apps.providers.types import Access, Capability, Task
from apps.providers.wires import EnvironmentName

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


class Retirement(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service that has ended. Its file stays as long as users may have a key of it, and says so."""

    on: date
    because: Annotated[str, Meta(min_length=1, max_length=300)]


class Term(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What binds a provider's users, as it was seen on a day: where they live, what becomes of their prompts, what they use it for.

    Of training it must say whether the free tier `may` train on what is sent, and by what `source`: client keys go by it.
    """

    about: Literal["region", "training", "use"]
    text: Annotated[str, Meta(min_length=1, max_length=300)]
    seen: date
    may: bool | None = None
    source: Annotated[str, Meta(max_length=200)] = ""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        says = self.may is not None and bool(self.source)
        if (self.about == "training") is not says:
            raise ValueError("`may` and `source` belong to terms about training, and there both must be said")


class ModelEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A `[[models]]` table.

    Prices are list prices in USD per million tokens; where answers have none of their own, it is 0. `access`: where it differs from the
    provider's. `retires_at`: the day on which it ends, as announced.
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
    access: Access | None = None
    retires_at: date | None = None

    def columns(self) -> JSONObject:
        """The shipped values by column of ProviderModel; money in micro-dollars."""
        completion_usd = self.completion_usd
        if completion_usd is None and self.prompt_usd is not None and not TASKS[self.task].answers_in_tokens:
            completion_usd = 0
        return {
            "task": self.task,
            "enabled": self.enabled,
            "capabilities": list(self.capabilities),
            "context_window": self.context_window,
            "max_output_tokens": self.max_output_tokens,
            "limits": self.limits,
            "prompt_microusd": _micro(self.prompt_usd),
            "completion_microusd": _micro(completion_usd),
            "tags": self.tags,
            "access": self.access or "",
            "retires_at": self.retires_at and self.retires_at.isoformat(),
        }


class ProviderEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file: a provider and its models.

    `default_model` may only be missing where there are no chat models: those of a server of the user's own. `notes`: what its numbers
    do not say, for docs/PROVIDERS.md, in Markdown. `access`: what a user must have before it serves. `key_env`: the environment variables
    in which its users keep a key. `confirmed`: the day, month or year of the newest source that confirms what the file says of tiers,
    limits and models, for docs/PROVIDERS.md. `retired`: it has ended; such a file has no models.
    """

    name: Slug
    display_name: Name
    base_url: Name
    default_model: str = ""
    key_url: str = ""
    notes: str = ""
    confirmed: Annotated[str, Meta(pattern=r"^(\d{4}(-\d{2}(-\d{2})?)?)?$")] = ""
    enabled: bool = True
    tags: list[Name] = field(default_factory=list)
    weight: NotNegative = 1.0
    requires_key: bool = True
    access: Access = "free"
    terms: tuple[Term, ...] = ()
    retired: Retirement | None = None
    key_env: list[EnvironmentName] = field(default_factory=list)
    wire: JSONObject = field(default_factory=dict)
    limits: list[JSONObject] = field(default_factory=list)
    models: tuple[ModelEntry, ...] = ()

    def columns(self) -> JSONObject:
        """The shipped values by column of Provider."""
        plain = {
            name: getattr(self, name)
            for name in self.__struct_fields__
            if name not in ("name", "notes", "confirmed", "models", "terms", "retired")
        }
        return plain | {
            "terms": [msgspec.to_builtins(term) for term in self.terms],
            "retired_on": self.retired and self.retired.on.isoformat(),
            "retired_because": self.retired.because if self.retired else "",
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
        limits = parse_limits(entry.limits, of_model=kind is ModelEntry)
    except (msgspec.ValidationError, LimitsError) as error:
        raise CatalogueError(f"{place}: {error}") from error
    return msgspec.structs.replace(entry, limits=written_limits(limits))


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
    """Names are unique, the default is an enabled chat model, and what has ended has none. Raises CatalogueError."""
    if provider.retired and provider.models:
        raise CatalogueError(f"{path.name}: retired: a service that has ended offers no models")
    names = [model.name for model in provider.models]
    for name in names:
        if names.count(name) > 1:
            raise CatalogueError(f"{path.name}: model {name!r}: name: listed twice")
    chat = [model.name for model in provider.models if model.task == "chat" and model.enabled]
    if provider.default_model not in (chat or [""]):
        raise CatalogueError(
            f"{path.name}: default_model: {provider.default_model!r} is no enabled chat model here"
        )


def _micro(usd: float | None) -> int | None:
    return None if usd is None else round(usd * 1_000_000)
