"""The first page: how the pool does, how much is left today, what happened, what needs somebody."""

from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from apps.accounts.profiles import profile_of
from apps.console.frame import is_part, page
from apps.console.home import guide
from apps.console.home.picture import OFFERED, USUAL, choices, picture_of
from apps.console.traffic.addresses import EVENTS
from apps.core import roles


def index(request: HttpRequest) -> HttpResponse:
    """The dashboard; until a real answer came through, the guide to it."""
    user = cast("User", request.user)
    if guide.is_needed(user, profile_of(user)):
        return redirect("admin:guide")
    return redirect("admin:dashboard")


def show(request: HttpRequest) -> HttpResponse:
    """GET `?span=&whose=`; all but its head, as a part."""
    user = cast("User", request.user)
    sees_all = roles.may(user, "view", "analytics.usageeventrow")
    whose = "all" if sees_all and request.GET.get("whose") != "mine" else "mine"
    span = request.GET.get("span", USUAL)
    span = span if span in OFFERED else USUAL
    picture = picture_of(user, span, None if whose == "all" else user.pk)
    of_oneself = f"user={user.pk}&" if sees_all and whose == "mine" else ""
    tiles_url = f"{reverse(EVENTS)}?span={span}&{of_oneself}"
    context = {"tiles_url": tiles_url, "picture": picture, "span": span, "whose": whose, "sees_all": sees_all}
    if is_part(request):
        return render(request, "console/dashboard_parts.html", context)
    return page(request, "console/dashboard.html", "Dashboard", choices=choices(), **context)
