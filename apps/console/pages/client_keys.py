"""Client keys: the list, the one display of a new key, and the acts on one."""

from typing import Final, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from apps.analytics.selection import Selection
from apps.analytics.selection import page as newest
from apps.clients import keys, rotation
from apps.clients.models import ClientKey
from apps.console.client_keys import SHOWN, choose, rows_of
from apps.console.frame import is_part, page
from apps.console.snippets import server_url, snippets_for
from apps.core import roles

LIST: Final = "admin:clients_clientkey_changelist"
HOUR_S: Final = 3600
GRACES: Final = {0: "none: the old one stops now", HOUR_S: "1 hour", 86_400: "1 day", 7 * 86_400: "7 days"}


class RotationForm(forms.Form):
    """How long the old key goes on working."""

    grace_s = forms.TypedChoiceField(
        label="The old key goes on working for", coerce=int, choices=list(GRACES.items()), initial=HOUR_S
    )


def show(request: HttpRequest) -> HttpResponse:
    """GET `?show=&q=&whose=`; the table alone, as a part."""
    sees_all = roles.may(cast("User", request.user), "view", "clients.clientkey")
    whose = "mine" if request.GET.get("whose") == "mine" or not sees_all else "all"
    rows = _reachable(request)
    found = rows_of(rows.filter(user=request.user.pk) if whose == "mine" else rows)
    words = request.GET.get("q", "")
    shown, chosen, counts = choose(found, request.GET.get("show", "active"), words)
    context = {"rows": chosen, "shown": shown, "words": words, "whose": whose, "total": len(found)}
    if is_part(request):
        return render(request, "console/client_key_table.html", context)
    chips = [(name, label, counts[name]) for name, label in SHOWN.items()]
    return page(request, "console/client_keys.html", "Client keys", chips=chips, sees_all=sees_all, **context)


def issued(request: HttpRequest, key: ClientKey, raw: str) -> HttpResponse:
    """The one answer that holds the raw key: neither an address, nor a message, nor a cache keeps it."""
    return page(
        request,
        "console/client_key_issued.html",
        f"Key “{key.name}” issued",
        key=key,
        raw=raw,
        snippets=snippets_for(request, key),
        url=f"{server_url(request)}/v1",
    )


def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: ask. POST: another secret, shown once."""
    key = _changeable(request, pk)
    form = RotationForm(request.POST or None)
    if (
        request.POST.get("of", key.key_hash) != key.key_hash
    ):  # loaded again, it would end the grace of the secret before
        messages.error(request, f"“{key.name}” was rotated meanwhile.")
        return redirect(LIST)
    if request.method == "POST" and form.is_valid():
        renewed = rotation.rotate(key, form.cleaned_data["grace_s"])
        if renewed is not None:
            return issued(request, renewed.row, renewed.raw)
        messages.error(request, f"“{key.name}” was rotated or revoked meanwhile.")
        return redirect(LIST)
    return _ask(request, "console/client_key_rotate.html", f"Rotate “{key.name}”?", key=key, form=form)


def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: ask, once, with what follows. POST: do it."""
    key = _changeable(request, pk)
    if request.method == "POST":
        keys.revoke(key)
        messages.success(request, f"“{key.name}” is revoked: it gets 401 in every process within a second.")
        return redirect(LIST)
    return _ask(request, "console/client_key_revoke.html", f"Revoke “{key.name}”?", key=key)


def first_use(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether the key has been used by now; a part."""
    key = get_object_or_404(_reachable(request), pk=pk)
    since_then = Selection(user_id=key.user_id, since=key.updated_at, client_ids=(key.pk,))
    found = newest(since_then, 1).rows
    return render(request, "console/client_key_first_use.html", {"first": found[0] if found else None})


def _ask(request: HttpRequest, template: str, title: str, **context: object) -> HttpResponse:
    """In a dialog, where a script opens one."""
    if is_part(request):
        return render(request, template, {**context, "title": title})
    return page(request, "console/asked.html", title, asked=template, **context)


def _reachable(request: HttpRequest) -> QuerySet[ClientKey]:
    """The keys that the user may see."""
    return admin.site.get_model_admin(ClientKey).get_queryset(request)


def _changeable(request: HttpRequest, pk: int) -> ClientKey:
    """Raises Http404 for a key that the user may not see, and PermissionDenied for one that is theirs to see only."""
    key = get_object_or_404(_reachable(request).select_related("user"), pk=pk)
    if not admin.site.get_model_admin(ClientKey).has_change_permission(request, key):
        raise PermissionDenied
    return key
