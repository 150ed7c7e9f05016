"""The strategy editor: clauses one by one, a preview against the present pool, what differs from the shipped form. It works without a
script; with one, the same answers come while somebody types."""

from typing import Any, Final, NamedTuple, cast

import orjson
from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from apps.clients.keys import unrestricted
from apps.console import strategy_draft as drafts
from apps.console.decisions import Told, tell
from apps.console.frame import is_part, page
from apps.console.strategy_draft import SECTIONS, Draft
from apps.console.strategy_help import EXAMPLES, fields_in_words
from apps.console.strategy_samples import facts_of, recent
from apps.core import roles
from apps.core.as_of import FIELD as AS_OF
from apps.core.as_of import AsOf
from apps.core.json_types import JSONObject
from apps.gateway import runtime
from apps.gateway.endpoints.chat.explain import preview_clauses
from apps.gateway.wire.errors import ApiError
from apps.strategies.admin import StrategyForm
from apps.strategies.definition import Definition
from apps.strategies.models import Strategy
from apps.strategies.naming import virtual_names
from apps.strategies.shipped import reset

MODEL: Final = "strategies.strategy"
RESET: Final = "console/strategy_reset.html"
MAX_SAMPLE: Final = 20_000
USUAL_SAMPLE: Final = "Write a Rust function that merges two sorted iterators."
SWITCHES: Final = {"sample_tools": "tools", "sample_image": "image", "sample_stream": "stream"}
TINY_IMAGE: Final = "data:image/png;base64,iVBORw0KGgo="
"""It is looked at by no one: only that there is one counts."""
TOOL: Final = {"type": "function", "function": {"name": "example", "parameters": {"type": "object"}}}


class EditorForm(AsOf, StrategyForm):
    """The form that the list's own pages use: it knows which names and definitions may be saved."""


class Preview(NamedTuple):
    """What a request would meet; or why that cannot be said."""

    told: Told | None
    error: str = ""


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: the strategy. POST `act`: save, or look at what is typed."""
    _allow(request, "view")
    row = get_object_or_404(Strategy, pk=pk)
    may_change = roles.may(cast("User", request.user), "change", MODEL)
    if request.method == "POST" and request.POST.get("act") == "save" and not may_change:
        raise PermissionDenied
    return _show(request, row, may_change)


def add(request: HttpRequest) -> HttpResponse:
    """The same for a new one; `?from=`: a copy of that."""
    _allow(request, "add")
    original = Strategy.objects.filter(pk=_number(request.GET.get("from", ""))).first()
    row = Strategy()
    if original is not None:
        row.name, row.description = f"{original.name}-copy"[:60], original.description
        row.definition = original.definition
    return _show(request, row, may_change=True)


def put_back(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: ask. POST: the shipped definition again."""
    _allow(request, "change")
    row = get_object_or_404(Strategy, pk=pk, is_builtin=True)
    if request.method == "POST":
        with transaction.atomic():
            reset(Strategy.objects.select_for_update().get(pk=pk))
            admin.site.get_model_admin(Strategy).log_change(request, row, "Reset to shipped definition.")
        messages.success(request, f"“{row.name}” is as it was shipped.")
        return redirect("admin:strategies_strategy_change", pk)
    title = f"Reset “{row.name}” to its shipped form?"
    changes = drafts.compare(row.definition, row.shipped)
    if is_part(request):
        return render(request, RESET, {"row": row, "title": title, "changes": changes})
    return page(request, "console/asked.html", title, asked=RESET, row=row, changes=changes)


def _show(request: HttpRequest, row: Strategy, may_change: bool) -> HttpResponse:
    draft, error = _draft(request, row)
    definition = draft.judge()
    act = request.POST.get("act", "")
    form = EditorForm(_fields(request, row, draft) if request.method == "POST" else None, instance=row)
    if act == "save" and not draft.problems and form.is_valid():
        return _save(request, form, is_new=row.pk is None)
    context = _judged(request, row, draft, definition) | {
        "row": row,
        "name": request.POST.get("name", row.name),
        "description": request.POST.get("description", row.description),
        "form": form if act == "save" else None,
        "as_of": form.as_of() if act in ("", "save") else request.POST.get(AS_OF, ""),
        "json_error": error,
        "may_change": may_change,
        "with_clauses": act not in ("", "preview"),
    }
    if is_part(request):
        return render(request, "console/strategy_judged.html", context)
    title = row.name if row.pk else "New strategy"
    return page(
        request,
        "console/strategy.html",
        title,
        strategies=Strategy.objects.all(),
        virtual=sorted(virtual_names(row.name), key=len) if row.pk else [],
        help_fields=fields_in_words(),
        examples=EXAMPLES,
        switches=SWITCHES,
        recent=recent(cast("User", request.user)),
        past=request.POST.get("past", ""),
        **context,
    )


def _draft(request: HttpRequest, row: Strategy) -> tuple[Draft, str]:
    """What is typed, after what was pressed; and what is wrong with JSON that was pasted."""
    data = request.POST
    if request.method != "POST":
        return drafts.of_definition(row.definition), ""
    draft = drafts.of_lists(
        *(data.getlist(name) for name in ("require_when", "prefer_when", "prefer_weight"))
    )
    act, _, place = data.get("act", "").partition(":")
    section, _, at = place.partition(":")
    if act == "json":
        try:
            return drafts.of_json(data.get("json", "")), ""
        except ValueError as error:
            return draft, str(error)
    if section in SECTIONS:
        number = _number(at) if at else None
        if act == "add":
            drafts.add(draft, section)
        elif act == "drop" and number is not None:
            drafts.drop(draft, section, number)
        elif act == "use" and number is not None:
            drafts.use(draft, section, number)
    return draft, ""


def _judged(request: HttpRequest, row: Strategy, draft: Draft, definition: Definition) -> dict[str, Any]:
    raw = draft.raw()
    base, base_name = (row.shipped, "shipped") if row.is_builtin else (row.definition, "saved")
    preview = _preview(request, draft, definition)
    changes = drafts.compare(base, raw)
    return {
        "draft": draft,
        "preview": preview,
        "changes": changes,
        "added": sum(line.sign == "+" for line in changes),
        "removed": sum(line.sign == "-" for line in changes),
        "base_name": base_name,
        "as_json": drafts.pretty(raw),
        "sample": _sample(request),
        "switched": [name for name in SWITCHES if request.POST.get(name)],
    }


def _sample(request: HttpRequest) -> str:
    return request.POST.get("sample", USUAL_SAMPLE)[:MAX_SAMPLE]


def _preview(request: HttpRequest, draft: Draft, definition: Definition) -> Preview:
    """And note for how many candidates each clause holds."""
    if not runtime.is_running():
        return Preview(None, "No gateway runs in this process, so there is no pool to look at.")
    user = unrestricted(cast("User", request.user))
    try:
        past = request.POST.get("past", "")
        asked = facts_of(cast("User", request.user), past) if past else _body(request)
        decision, holds, draft.total = async_to_sync(preview_clauses)(
            runtime.current().store, user, definition, asked
        )
    except ApiError as error:
        return Preview(None, error.message)
    except LookupError as error:
        return Preview(None, str(error.args[0]))
    for path, clause in draft.by_path().items():
        clause.holds = holds.get(path)
    return Preview(tell(decision))


def _body(request: HttpRequest) -> bytes:
    data = request.POST
    text = _sample(request)
    content: Any = text
    if data.get("sample_image"):
        content = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": TINY_IMAGE}}]
    body: JSONObject = {"messages": [{"role": "user", "content": content}]}
    if data.get("sample_tools"):
        body["tools"] = [TOOL]
    if data.get("sample_stream"):
        body["stream"] = True
    return orjson.dumps(body)


def _fields(request: HttpRequest, row: Strategy, draft: Draft) -> dict[str, str]:
    data = request.POST
    name = row.name if row.is_builtin else data.get("name", "")
    return {
        "name": name,
        "description": data.get("description", ""),
        "definition": orjson.dumps(draft.raw()).decode(),
        AS_OF: data.get(AS_OF, ""),
    }


def _save(request: HttpRequest, form: Any, *, is_new: bool) -> HttpResponse:
    pages = admin.site.get_model_admin(Strategy)
    with transaction.atomic():
        row = form.save(commit=False)
        pages.save_model(request, row, form, not is_new)
        said = pages.construct_change_message(request, form, [], is_new)
        (pages.log_addition if is_new else pages.log_change)(request, row, said)
    messages.success(request, f"“{row.name}” is saved. Requests go by it within a second.")
    return redirect("admin:strategies_strategy_change", row.pk)


def _allow(request: HttpRequest, action: str) -> None:
    """Raises PermissionDenied. Who may change may look."""
    wanted = ("view", "change") if action == "view" else (action,)
    if not any(roles.may(cast("User", request.user), one, MODEL) for one in wanted):
        raise PermissionDenied


def _number(text: str) -> int:
    """-1 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004
