"""One provider with the user's key: how it does, what is left of it, and the acts on it."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.accounts.profiles import zone_of
from apps.console.account import limits_of, matrix_of, mishaps_of, models_of
from apps.console.breaker_words import told
from apps.console.frame import is_part, page
from apps.console.key_test import sentence
from apps.console.pool import row_of
from apps.console.readings import read
from apps.console.traffic.provider_week import week_of
from apps.console.traffic.tiles import percent
from apps.console.words import cut
from apps.core import roles
from apps.gateway.config import CONFIG
from apps.providers.credentials import trust
from apps.providers.models import Credential, LimitEvidence, Provider, ProviderModel
from apps.providers.probe import Outcome, probe_stored
from apps.providers.states import state_of, words
from apps.providers.trust import reset_account


def show(request: HttpRequest, name: str) -> HttpResponse:
    """GET; without a key of the user's, to where one is added."""
    provider = get_object_or_404(Provider, name=name)
    credential = provider.credentials.filter(user=request.user.pk).select_related("provider").first()
    if credential is None or (provider.requires_key and not credential.encrypted_key):
        return redirect(f"{reverse('admin:add_key')}?provider={provider.name}")
    reading = read(request.user.pk or 0).get(name)
    row = row_of(provider, credential, reading)
    state = state_of(provider, credential, reading.state if reading else None)
    may_switch = roles.may(cast("User", request.user), "change", "providers.providermodel")
    week = week_of(request.user.pk or 0, name, zone_of(request.user))
    answered = "–" if week.ok_percent is None else f"{percent(week.ok_percent)} %"
    return page(
        request,
        "console/account.html",
        row.name,
        row=row,
        state_words=words(state) if reading or state.reason else "",
        breaker=told(reading, CONFIG.value.breaker, reading.at) if reading else None,
        matrix=matrix_of(reading) if reading else None,
        limits=limits_of(credential, reading),
        mishaps=mishaps_of(request.user.pk or 0, name),
        week=week,
        answered=answered,
        models=models_of(provider, reading, week.answers, all_of_them=may_switch),
        may_switch=may_switch,
    )


@require_POST
def test(request: HttpRequest, name: str) -> HttpResponse:
    """Does the stored key work? One cheap call to the provider; nothing of the database is held meanwhile."""
    credential = _own(request, name)
    if not connection.in_atomic_block:
        connection.close()
    outcome = probe_stored(credential.provider, credential, credential.user_id)
    if outcome.ok:
        trust(credential)
    return _told(request, name, outcome)


@require_POST
def reset(request: HttpRequest, name: str) -> HttpResponse:
    """Forget what closed the account; counters stay."""
    reset_account(_own(request, name))
    messages.success(
        request, f"{name} is asked again, whatever closed it. What is used of its quota stays counted."
    )
    return redirect("admin:account", name)


@require_POST
def switch(request: HttpRequest, name: str) -> HttpResponse:
    """Use the key, or leave it alone: `enabled` is yes or no."""
    credential = _own(request, name)
    credential.enabled = request.POST.get("enabled") == "yes"
    credential.save(update_fields=["enabled", "updated_at"])
    done = "is in use again" if credential.enabled else "is left alone from now on"
    messages.success(request, f"{name} {done}, in every process within a second.")
    return redirect("admin:account", name)


@require_POST
def switch_model(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Offer a model to everybody, or to nobody: `enabled` is yes or no. For who may change models."""
    if not roles.may(cast("User", request.user), "change", "providers.providermodel"):
        raise PermissionDenied
    row = get_object_or_404(ProviderModel, pk=pk, provider__name=name)
    row.enabled = request.POST.get("enabled") == "yes"
    row.save(update_fields=["enabled", "updated_at"])
    done = "is offered to everybody again" if row.enabled else "is offered to nobody from now on"
    messages.success(request, f"{cut(row.name)} {done}.")
    return redirect("admin:account", name)


@require_POST
def forget_limit(request: HttpRequest, name: str, evidence: int) -> HttpResponse:
    """What the provider told of a limit counts no more, until it tells it again."""
    get_object_or_404(LimitEvidence, pk=evidence, credential=_own(request, name)).delete()
    messages.success(request, "Forgotten. The catalogue's number counts until the provider tells another.")
    return redirect("admin:account", name)


def _own(request: HttpRequest, name: str) -> Credential:
    """The user's credential. Raises Http404."""
    rows = Credential.objects.filter(user=request.user.pk, provider__name=name).select_related("provider")
    credential = rows.first()
    if credential is None:
        raise Http404(f"You have no key of {name!r}.")
    return credential


def _told(request: HttpRequest, name: str, outcome: Outcome) -> HttpResponse:
    said = sentence(outcome)
    if is_part(request):
        return render(request, "console/said.html", {"outcome": outcome, "said": said})
    (messages.success if outcome.ok else messages.error)(request, f"{name}: {said}")
    return redirect("admin:account", name)
