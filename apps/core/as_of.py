"""Forms that stood open while somebody else saved the same row: they are told what changed, and nothing of it is written over unseen."""

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Model

if TYPE_CHECKING:
    from django.forms import ModelForm

    Base = ModelForm[Any]
else:  # a mixin: which form it is mixed into is the page's matter
    Base = object

FIELD: Final = "as_of"
MOST_CHARACTERS: Final = 20_000
MOST_SHOWN: Final = 60
AGAIN: Final = "What you typed is still here; save again to put it in place of that."


class AsOf(Base):
    """Mixin, first among the bases of a ModelForm whose page holds `as_of` as a hidden field. Without it nothing is compared."""

    def as_of(self) -> str:
        """What the columns of the form hold now, as digests by field: for the hidden field. "" for a row that is new."""
        return json.dumps(self._digests(), separators=(",", ":")) if self.instance.pk else ""

    def clean(self) -> Any:
        """As ModelForm's. Raises ValidationError with what somebody saved since."""
        cleaned = super().clean()
        before = _digests_in(self.data.get(FIELD, ""))
        changed = [name for name, digest in self._digests().items() if before.get(name, digest) != digest]
        if self.instance.pk and changed:
            told = ", ".join(self._told(name) for name in changed)
            raise ValidationError(f"Somebody has saved this since you opened it: {told}. {AGAIN}", "changed")
        return cleaned

    def _digests(self) -> dict[str, str]:
        shown = [name for name, field in self.fields.items() if not field.disabled]
        return {name: _digest(self.initial.get(name)) for name in shown if name in self.initial}

    def _told(self, name: str) -> str:
        value = self.initial[name]
        label = str(self.fields[name].label or name)
        if isinstance(value, str | int | float | datetime):
            return f"{label} is now {str(value)[:MOST_SHOWN] or 'empty'}"
        return label


def _digest(value: Any) -> str:
    if isinstance(value, list | tuple):  # of a many-to-many field: rows, in no order
        value = sorted((one.pk if isinstance(one, Model) else repr(one) for one in value), key=repr)
    return hashlib.sha256(repr(value).encode()).hexdigest()[:8]


def _digests_in(text: str) -> dict[str, str]:
    """What a page held; nothing, where it is not what `as_of` makes."""
    if len(text) > MOST_CHARACTERS:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return (
        {name: one for name, one in found.items() if isinstance(one, str)} if isinstance(found, dict) else {}
    )
