"""Taking users' provider keys from where they already are: environment variables, or a file of them.

Which variables those are is data of each provider. A stored key is overwritten only where that is asked for. Keys come in; previews go
out.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from django.db import transaction
from msgspec import Struct, structs

from apps.core.crypto import WrongMasterKeyError, decrypt
from apps.providers.credentials import KeyRefusedError, clean_key, own_row, put_key, put_settings
from apps.providers.destinations import is_elsewhere
from apps.providers.env_file import Value
from apps.providers.models import Access, Credential, Provider
from apps.providers.presets import is_setting, usable_settings
from apps.providers.writing import preset_of

OURS: Final = ("FREEAI_", "DJANGO_")
"""Secrets of this server: whoever may edit a provider must not have them sent to it."""
OTHER_KEY: Final = "another key is stored; --replace takes this one"
ADDRESS_CHANGED: Final = (
    "it is stored for another address than the provider has now; if that is right, --replace stores it for it"
)
REMARKS: Final[dict[str, str]] = {
    Access.CARD: "needs a payment method on file, used where paid models are allowed",
    Access.PREPAID: "needs money, used where paid models are allowed",
}


class Action(StrEnum):
    """What became of a variable that holds a key."""

    IMPORTED = "imported"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    RETIRED = "retired"
    REFUSED = "refused"


class Result(Struct, frozen=True, kw_only=True):
    """One provider. `remarks`: sentences for its user. `is_problem`: something is left for the user to mend."""

    provider: str
    variable: str
    action: Action
    key_preview: str = ""
    access: str = Access.FREE
    missing_settings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    is_problem: bool = False


class Found(Struct, frozen=True):
    """A provider, its variables that hold anything, and the first of them that holds a key, else the first."""

    provider: Provider
    variables: tuple[str, ...]
    variable: str


def variables() -> list[str]:
    """All that are looked at, in the order of their providers. Raises DatabaseError."""
    return [name for provider in Provider.objects.filter(retired_on=None) for name in _names(provider)]


def find(values: Mapping[str, Value]) -> Iterator[Found]:
    """The providers for which there is something, by name. Raises DatabaseError."""
    for provider in Provider.objects.all():
        if held := tuple(name for name in _names(provider) if _is_set(values.get(name))):
            usable = (name for name in held if not _why_not(values[name]))
            yield Found(provider, held, next(usable, held[0]))


def find_new(user: Any, environment: Mapping[str, str]) -> list[Found]:
    """Keys of the environment for providers that live, where the user has none. Raises DatabaseError."""
    stored = Credential.objects.filter(user=user).exclude(encrypted_key="")
    known = set(stored.values_list("provider", flat=True))
    return [
        found
        for found in find(of_environment(environment))
        if found.provider.pk not in known and found.provider.retired_on is None
    ]


def of_environment(environment: Mapping[str, str]) -> dict[str, Value]:
    """A process's environment as `find` and `take` read it."""
    return {name: Value(text) for name, text in environment.items()}


def take(user: Any, values: Mapping[str, Value], *, replace: bool, dry_run: bool) -> list[Result]:
    """Store what is found for the user; with `dry_run` only tell what would become of it. Raises DatabaseError."""
    return [Import(user, found, values, replace=replace).run(dry_run=dry_run) for found in find(values)]


class Import:
    """What is found for one provider, on its way to the user's credential."""

    def __init__(self, user: Any, found: Found, values: Mapping[str, Value], *, replace: bool) -> None:
        self.user = user
        self.found = found
        self.values = values
        self.replace = replace
        self.provider = found.provider
        self.preset = preset_of(found.provider)

    def run(self, *, dry_run: bool) -> Result:
        """Raises DatabaseError."""
        if self.provider.retired_on is not None:
            ended = f"the service ended on {self.provider.retired_on}. {self.provider.retired_because}"
            return self._result(Action.RETIRED, ended.strip())
        value = self.values[self.found.variable]
        if why := _why_not(value):
            return self._result(Action.REFUSED, why, is_problem=True)
        try:
            return self._taken(clean_key(value.text), dry_run=dry_run)
        except KeyRefusedError as error:
            return self._result(Action.REFUSED, str(error), is_problem=True)

    def _taken(self, key: str, *, dry_run: bool) -> Result:
        """Raises KeyRefusedError."""
        with transaction.atomic():
            credential = own_row(self.user.pk, self.provider)
            action = self._action(credential, key)
            if action == Action.KEPT:
                kept = self._result(action, ADDRESS_CHANGED if is_elsewhere(credential) else OTHER_KEY)
                return structs.replace(kept, key_preview=credential.key_preview)
            before = credential.settings
            put_settings(credential, usable_settings(self.preset, before) | self._settings(before))
            if action != Action.UNCHANGED:
                put_key(credential, key)
            if dry_run:
                transaction.set_rollback(True)
            elif action != Action.UNCHANGED or credential.settings != before:
                credential.save()
        return self._told(action, credential)

    def _action(self, credential: Credential, key: str) -> Action:
        if not credential.encrypted_key:
            return Action.IMPORTED
        try:
            if decrypt(credential.encrypted_key) == key and not is_elsewhere(credential):
                return Action.UNCHANGED
        except WrongMasterKeyError:
            pass  # it is another one, as far as anybody can tell
        return Action.REPLACED if self.replace else Action.KEPT

    def _settings(self, stored: Any) -> dict[str, str]:
        """What the variables give of the settings beside the key; those that are stored stay, unless they are to be replaced."""
        given = {
            name: self.values[variable].text.strip()
            for name, variable in self.preset.settings_env.items()
            if _is_set(self.values.get(variable)) and not variable.startswith(OURS)
        }
        held = {} if self.replace else usable_settings(self.preset, stored)
        return {name: text for name, text in given.items() if is_setting(text) and name not in held}

    def _told(self, action: Action, credential: Credential) -> Result:
        missing = tuple(
            name
            for name in self.preset.settings
            if name not in usable_settings(self.preset, credential.settings)
        )
        result = self._result(action, *self._remarks(credential, missing), is_problem=bool(missing))
        return structs.replace(result, key_preview=credential.key_preview, missing_settings=missing)

    def _remarks(self, credential: Credential, missing: tuple[str, ...]) -> Iterator[str]:
        for name in missing:
            variable = self.preset.settings_env.get(name)
            yield f"it needs {name} too" + (f": set {variable}" if variable else "")
        chosen = self.values[self.found.variable].text.strip()
        for name in self.found.variables:
            if self.values[name].text.strip() != chosen:
                yield f"{name} holds another text, which is left alone"
        if remark := REMARKS.get(self.provider.access):
            yield remark
        if not (self.provider.enabled and credential.enabled):
            yield "disabled" if credential.enabled else "your credential there is disabled"

    def _result(self, action: Action, *remarks: str, is_problem: bool = False) -> Result:
        return Result(
            provider=self.provider.name,
            variable=self.found.variable,
            action=action,
            access=self.provider.access,
            remarks=remarks,
            is_problem=is_problem,
        )


def _names(provider: Provider) -> list[str]:
    """The provider's variables. The column is an operator's to edit: what is in it may be anything."""
    listed = provider.key_env if isinstance(provider.key_env, list) else []
    return [name for name in listed if isinstance(name, str) and not name.startswith(OURS)]


def _is_set(value: Value | None) -> bool:
    return value is not None and bool(value.text.strip() or value.objection)


def _why_not(value: Value) -> str:
    """Why it holds no key, "" for one that may be."""
    if value.objection:
        return value.objection
    try:
        clean_key(value.text)
    except KeyRefusedError as error:
        return str(error)
    return ""
