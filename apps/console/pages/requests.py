"""One request: what was tried, when and with which end, and why these candidates."""

from typing import cast
from uuid import UUID

import msgspec
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from apps.console.decisions import tell
from apps.console.frame import page
from apps.console.requests import find
from apps.core import roles
from apps.gateway.traffic.keeping import kept


def show(request: HttpRequest, own: str) -> HttpResponse:
    """GET: all that is known of the request of that id. Raises Http404, as for another's."""
    request_id, user_id = _identity(own), _whose(request)
    found = find(request_id, user_id)
    decision = kept(request_id, user_id)
    if found is None and decision is None:
        raise Http404
    return page(
        request,
        "console/request.html",
        "One request",
        found=found,
        told=tell(decision, is_past=True) if decision else None,
        drawn=msgspec.to_builtins(found.seen) if found else None,
        own=own,
    )


def decision(request: HttpRequest, own: str) -> HttpResponse:
    """GET: the part of it that says why; nothing where it was not kept, or is not written yet."""
    found = kept(_identity(own), _whose(request))
    if found is None:
        return HttpResponse(status=204)
    return render(request, "console/decision.html", {"told": tell(found, is_past=True)})


def _identity(own: str) -> UUID:
    try:
        return UUID(hex=own)
    except ValueError:
        raise Http404 from None


def _whose(request: HttpRequest) -> int | None:
    """None: everybody's, for who may see usage events of all."""
    user = cast("User", request.user)
    return None if roles.may(user, "view", "analytics.usageeventrow") else user.pk
