"""What is around every page: the sidebar, who is looking and how, where the state is kept."""

from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from apps.accounts.models import Profile, Theme
from apps.accounts.profiles import profile_of
from apps.console.home.problems import how_many
from apps.console.losses import losses
from apps.console.navigation import groups_for
from apps.gateway import runtime

PART = "X-Part"
"""The header of a request for a part of a page, which a script puts in its place."""
THEMES = (Theme.SYSTEM, Theme.LIGHT, Theme.DARK)


class Mode(NamedTuple):
    """Where counters and ledger are, in a word and in a sentence."""

    name: str
    title: str


def context_of(request: HttpRequest) -> dict[str, Any]:
    """For the template of any page."""
    profile = profile_of(request.user)
    if not request.user.is_active:
        return {"profile": profile}
    groups = groups_for(request)
    return {
        "profile": profile,
        "next_theme": next_theme(profile),
        "navigation": groups,
        "here": next((entry for group in groups for entry in group.entries if entry.is_current), None),
        "attention": how_many(request.user),
        "mode": mode(),
        "losses": losses(request.user),
    }


def next_theme(profile: Profile) -> Theme:
    """The one that the switch chooses."""
    return THEMES[(THEMES.index(Theme(profile.theme)) + 1) % len(THEMES)]


def mode() -> Mode | None:
    """None where no gateway runs in this process."""
    if not runtime.is_running():
        return None
    kept = runtime.current().store.mode
    ledger = "SQLite" if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") else "PostgreSQL"
    if kept == "away":
        return Mode(
            "alone", f"Redis is away: this process takes its share of what was left. Ledger in {ledger}"
        )
    name = "embedded" if kept == "memory" else "scaled"
    place = "this process" if kept == "memory" else "Redis"
    return Mode(name, f"State in {place}, ledger in {ledger}")


def is_part(request: HttpRequest) -> bool:
    """Whether a script asks for a part of a page."""
    return PART in request.headers or "part" in request.GET


def page(request: HttpRequest, template: str, title: str, **context: object) -> HttpResponse:
    """A page of our own within the frame."""
    whole = {**admin.site.each_context(request), "title": title, **context}
    return TemplateResponse(request, template, whole, headers={"Cache-Control": "no-store"})
