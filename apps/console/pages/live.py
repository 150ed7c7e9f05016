"""Live traffic: the page; what is on it comes over a socket (`console.live_socket`)."""

from typing import Final, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from apps.console.frame import page
from apps.console.live_socket import PATH
from apps.core import roles

CHIPS: Final = (
    ("failed", "Failed", "alert"),
    ("fell-back", "Fell back", "route"),
    ("slow", "Slow, over 2 s", ""),
    ("running", "Running now", "pulse"),
)
"""Of the filter: name, label, icon."""


def show(request: HttpRequest) -> HttpResponse:
    """GET."""
    sees_all = roles.may(cast("User", request.user), "view", "analytics.usageeventrow")
    return page(request, "console/live.html", "Live traffic", socket=PATH, sees_all=sees_all, chips=CHIPS)
