"""What the columns of a provider take of what people write, by `/api` and by the admin site alike: else a ValueError in words."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import structlog
from msgspec import ValidationError

from apps.core.json_types import JSONObject
from apps.providers.catalogue_files import Term
from apps.providers.destinations import absolute
from apps.providers.models import Provider
from apps.providers.presets import PLACEHOLDER, PresetError, is_setting, parse_preset, undeclared_settings
from apps.providers.types import Preset
from apps.providers.upstream_hosts import is_private, why_not
from apps.providers.wires import EnvironmentName

log = structlog.get_logger("freeai.providers")

MAX_TAGS: Final = 50
MAX_TAG: Final = 40
TAG: Final = re.compile(r"[-a-zA-Z0-9_]+")
NAME: Final = r"\A[a-z0-9][a-z0-9_-]*\Z"
RESERVED: Final = frozenset({"find-local", "add", "custom"})
"""Names that are routes of `/api/providers`, or pages beside those of providers in the admin site."""
MAX_SHOWN: Final = 100
NO_URL = "Must be an http or https URL without user, query or fragment."


def preset_of(provider: Provider) -> Preset:
    """How the provider is spoken to: plain OpenAI's, where an operator left a table that cannot be read."""
    try:
        return parse_preset(provider.wire)
    except PresetError:
        return Preset()


def base_url(text: str, preset: Preset) -> str:
    """An absolute http or https URL without user, query or fragment, and without the slash at its end."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = None
    odd = " " in text or not text.isprintable()
    if not usable or "@" in parts.netloc or parts.query or parts.fragment or odd:
        raise ValueError(NO_URL)
    if undeclared := undeclared_settings(text, preset):
        raise ValueError(f"The provider has no setting {undeclared[0]!r}.")
    host = PLACEHOLDER.sub("x", parts.hostname or "").lower()
    if reason := why_not(host):
        raise ValueError(reason)
    if is_private(host):
        log.warning("provider.private_address", host=host)
    return text.rstrip("/")


def wire(value: Any) -> JSONObject:
    """How the provider is spoken to: a table of presets, whose own addresses are held to what base URLs are."""
    try:
        preset = parse_preset(value)
    except PresetError as error:
        raise ValueError(str(error)) from None
    for address in absolute(value):
        try:
            base_url(f"https:{address}" if address.startswith("//") else address, preset)
        except ValueError as error:
            raise ValueError(f"{address[:MAX_SHOWN]!a}: {error}") from None
    return dict(value)


def tags(value: Any) -> list[str]:
    """Words that strategies ask for, each once."""
    if not isinstance(value, list) or len(value) > MAX_TAGS:
        raise ValueError(f"Must be a list of at most {MAX_TAGS} tags.")
    for tag in value:
        if not isinstance(tag, str) or not 0 < len(tag) <= MAX_TAG or not TAG.fullmatch(tag):
            raise ValueError(
                f"Tags are of letters, digits, - and _, at most {MAX_TAG} of them: {str(tag)[:MAX_TAG]!a}."
            )
    return list(dict.fromkeys(value))


def terms(value: Any) -> list[JSONObject]:
    """What binds the provider's users, as the catalogue's files write it."""
    try:
        found = msgspec.convert(value, list[Term])
    except ValidationError as error:
        raise ValueError(f"{error}.") from None
    return [msgspec.to_builtins(term) for term in found]


def key_env(value: Any) -> list[str]:
    """Names of environment variables."""
    try:
        return msgspec.convert(value, list[EnvironmentName])
    except ValidationError as error:
        raise ValueError(f"{error}.") from None


def known_model(provider: Provider, name: str) -> str:
    """`name` if the provider has such a chat model, or ""."""
    if name and not provider.models.filter(name=name, task="chat", enabled=True).exists():
        raise ValueError(f"{provider.name} offers no chat model of this name.")
    return name


def setting_problems(preset: Preset, values: JSONObject) -> dict[str, str]:
    """By name, what is wrong with the settings of a credential: those that the provider declares take what can stand in a URL."""
    return {
        name: "Must be letters, digits, - or _; at most 100."
        if name in preset.settings
        else "Unknown setting."
        for name, value in values.items()
        if name not in preset.settings or not is_setting(value)
    }
