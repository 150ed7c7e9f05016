"""Where a figure leads: the list of usage events that it counts."""

from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse

from apps.console.navigation import model_list

EVENTS: Final = model_list("analytics.usageeventrow")


def events_between(start: datetime, end: datetime, **filters: str) -> str:
    """The attempts of that time; `filters` as the list has them, "" for none."""
    times = {"start": f"{start.timestamp():.0f}", "end": f"{end.timestamp():.0f}"}
    return f"{reverse(EVENTS)}?{urlencode(times | {name: value for name, value in filters.items() if value})}"
