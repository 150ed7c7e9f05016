"""Catalogue review: what providers' lists changed, to take over or to leave; and limits that providers told, to forget."""

from typing import Final, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode

from apps.console.frame import page
from apps.console.quota_words import span_words
from apps.console.review import TITLES, review_of
from apps.core import roles
from apps.core.state.keys import Span
from apps.providers.listing.review import find, leave, turn
from apps.providers.models import LimitEvidence, ProviderModel

MOST_LIMITS: Final = 100
MOST_AT_ONCE: Final = 200


def show(request: HttpRequest) -> HttpResponse:
    """GET `?show=&provider=`. POST `act` (`leave`, `turn`) with `point` once for each, or `forget` with the number of a told limit."""
    user = cast("User", request.user)
    if not any(roles.may(user, action, "providers.providermodel") for action in ("view", "change")):
        raise PermissionDenied
    may_change = roles.may(user, "change", "providers.providermodel")
    may_forget = roles.may(user, "change", "providers.credential")
    if request.method == "POST":
        return _act(request, may_change=may_change, may_forget=may_forget)
    shown, provider = request.GET.get("show", ""), request.GET.get("provider", "")
    review = review_of(shown, provider)
    told = LimitEvidence.objects.select_related("credential__provider", "credential__user").order_by("-at")
    return page(
        request,
        "console/review.html",
        "Catalogue review",
        review=review,
        chips=[(kind, title, review.counts[kind]) for kind, title in TITLES.items()],
        provider=provider,
        may_change=may_change,
        may_forget=may_forget,
        limits=[(row, span_words(Span(row.metric, row.period))) for row in told[:MOST_LIMITS]]
        if may_forget
        else [],
    )


def _act(request: HttpRequest, *, may_change: bool, may_forget: bool) -> HttpResponse:
    if "forget" in request.POST:
        if not may_forget:
            raise PermissionDenied
        number = request.POST["forget"]
        get_object_or_404(
            LimitEvidence, pk=int(number) if number.isascii() and number.isdigit() else 0
        ).delete()
        messages.success(
            request, "Forgotten. The catalogue's number counts until the provider tells another."
        )
        return _back(request)
    if not may_change:
        raise PermissionDenied
    act = {"leave": leave, "turn": turn}.get(request.POST.get("act", ""))
    keys = request.POST.getlist("point")[:MOST_AT_ONCE]
    done = 0
    with transaction.atomic():
        for key in keys:
            pk = key.partition(":")[0]
            locked = ProviderModel.objects.select_for_update().filter(
                pk=int(pk) if pk.isascii() and pk.isdigit() else 0
            )
            point = find(locked, key)
            if point is not None and act is not None:
                act(point)
                point.row.save()
                done += 1
    messages.success(request, f"Done: {done}.") if done else messages.warning(
        request, "Nothing of that is there any more."
    )
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    kept = {name: request.POST[name] for name in ("show", "provider") if request.POST.get(name)}
    return redirect(f"{reverse('admin:catalogue_review')}?{urlencode(kept)}")
