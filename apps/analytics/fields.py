"""Columns of the ledger's tables that Django has no field for."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

if TYPE_CHECKING:
    IntegerField = models.DateTimeField[datetime, datetime]  # by what it holds
else:
    IntegerField = models.IntegerField


class HourField(IntegerField):
    """A whole hour of UTC, stored as its number since 1970: a report reads thousands, and a timestamp takes both databases' adapters ten
    times as long to read (2026-11)."""

    def from_db_value(self, value: int | None, *_: Any) -> datetime | None:
        """Django's hook."""
        return None if value is None else EPOCH + timedelta(hours=value)

    def to_python(self, value: Any) -> Any:
        """Django's hook."""
        return value

    def get_prep_value(self, value: Any) -> Any:
        """Django's hook. Raises ValueError for what is no whole hour."""
        if not isinstance(value, datetime):
            return value
        hours, rest = divmod(value - EPOCH, timedelta(hours=1))
        if rest:
            raise ValueError(f"{value} is no whole hour")
        return hours
