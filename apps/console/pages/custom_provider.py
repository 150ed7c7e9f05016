"""A provider of one's own: its address, what it lists, what its models prove they can do, its limits. Nothing is stored before the end."""

from typing import Final, cast
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.console.custom_provider import MOST_MODELS, CustomForm, Draft, drafts_in, drafts_of, store
from apps.console.frame import is_part, page
from apps.core import roles
from apps.providers.capability_probe import (
    BODIES,
    CAPABILITIES,
    Proof,
    Test,
    draft,
    models_of,
    prove,
)
from apps.providers.errors import UpstreamError
from apps.providers.listing.background import read_soon
from apps.providers.models import MAX_MODEL_NAME
from apps.providers.upstream_hosts import is_private

TESTS: Final[dict[Test, str]] = {
    "answers": "Answers",
    "streams": "Streams",
    "tools": "Calls tools",
    "forced_tools": "On demand",
    "json_schema": "JSON schema",
    "vision": "Sees images",
}
ABILITIES: Final = [(name, label) for name, label in TESTS.items() if name in CAPABILITIES]
TOLD: Final = [(name, label) for name, label in TESTS.items() if name not in CAPABILITIES]


def show(request: HttpRequest) -> HttpResponse:
    """GET: what is to be filled in. POST `act`: `list` and `test` (parts: one call each), `probe` (the same without a script), `save`."""
    user = cast("User", request.user)
    if not all(roles.may(user, "add", f"providers.{model}") for model in ("provider", "providermodel")):
        raise PermissionDenied
    form = CustomForm(request.POST or None)
    if request.method != "POST":
        return _page(request, form, [])
    act = request.POST.get("act", "")
    drafts = drafts_in(request.POST)
    if not _is_reachable(form, act):
        if is_part(request):
            return render(request, "console/custom_refused.html", {"form": form})
        return _page(request, form, drafts)
    if act == "save":
        return _save(request, form, drafts)
    if not connection.in_atomic_block:
        connection.close()  # nothing of the database is held while the server is asked
    return _test(request, form) if act == "test" else _list(request, form, prove_first=act == "probe")


def _is_reachable(form: CustomForm, act: str) -> bool:
    """Whether what was filled in can be called: all of it to be saved, else the address and the key."""
    form.is_valid()
    needed = form.errors.keys() if act == "save" else form.errors.keys() & {"base_url", "key"}
    return not needed


def _list(request: HttpRequest, form: CustomForm, *, prove_first: bool) -> HttpResponse:
    user_id = request.user.pk or 0
    url, key = form.cleaned_data["base_url"], form.cleaned_data["key"]
    error, drafts, took_ms, total = "", [], 0, 0
    try:
        found = models_of(draft(url, key, "", user_id))
    except UpstreamError as failure:
        error = failure.message
    else:
        drafts, took_ms, total = drafts_of(found.models), found.took_ms, len(found.models)
    listed = {
        "error": error,
        "took_ms": took_ms,
        "total": total,
        "is_private": is_private(urlsplit(url).hostname or ""),
    }
    context = {"drafts": drafts, "listed": listed, **_words()}
    if is_part(request):
        return render(request, "console/custom_models.html", context)
    proofs: list[tuple[str, Proof]] = []
    first = next((each for each in drafts if each.is_used), None)
    if prove_first and first is not None:
        proofs = [(first.name, prove(draft(url, key, first.name, user_id), test)) for test in BODIES]
        can = frozenset(proof.test for _, proof in proofs if proof.is_proven) & CAPABILITIES
        drafts = [
            Draft(each.name, each.task, each.context_window, each.is_used, can if each is first else each.can)
            for each in drafts
        ]
    return _page(request, form, drafts, listed=listed, proofs=proofs)


def _test(request: HttpRequest, form: CustomForm) -> HttpResponse:
    model, name = request.POST.get("model", "")[:MAX_MODEL_NAME], request.POST.get("test", "")
    test = next((each for each in BODIES if each == name), None)
    if test is None or not model:
        return HttpResponse("Name a model and one of the tests.", status=400, content_type="text/plain")
    proof = prove(
        draft(form.cleaned_data["base_url"], form.cleaned_data["key"], model, request.user.pk or 0), test
    )
    return render(request, "console/custom_proof.html", {"proof": proof, "model": model, **_words()})


def _save(request: HttpRequest, form: CustomForm, drafts: list[Draft]) -> HttpResponse:
    if not any(each.is_used for each in drafts):
        form.add_error(None, "Choose at least one model: probe the server, and tick what is to be offered.")
        return _page(request, form, drafts)
    credential = store(cast("User", request.user), form, drafts)
    read_soon(credential)
    messages.success(request, f"{credential.provider.name} is in the pool.")
    return redirect("admin:account", credential.provider.name)


def _words() -> dict[str, object]:
    return {"tests": TESTS, "told": TOLD, "abilities": ABILITIES, "most": MOST_MODELS}


def _page(request: HttpRequest, form: CustomForm, drafts: list[Draft], **more: object) -> HttpResponse:
    context = {"form": form, "drafts": drafts, **_words(), **more}
    return page(request, "console/custom_provider.html", "Custom provider", **context)
