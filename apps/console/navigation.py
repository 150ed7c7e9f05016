"""The sidebar: the pages that there are, of which each user sees those that are open to them."""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import NamedTuple, cast

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse

from apps.core import roles

Allowed = Callable[[User], bool]


class Page(NamedTuple):
    """`label` of others: what it is called for who sees nothing but their own. `below`: other paths whose pages belong to it."""

    group: str
    label: str
    icon: str
    route: str
    allowed: Allowed
    own_label: str = ""
    below: tuple[str, ...] = ()


class Entry(NamedTuple):
    """A link of the sidebar."""

    group: str
    label: str
    icon: str
    url: str
    is_current: bool


class Group(NamedTuple):
    """Links under one heading."""

    name: str
    entries: list[Entry]


def everybody(_user: User) -> bool:
    """Each user has such rows of their own."""
    return True


def who_sees(model: str) -> Allowed:
    """Staff who may view or change rows of the model, and superusers."""
    return lambda user: any(roles.may(user, action, model) for action in ("view", "change"))


def model_list(label: str) -> str:
    """The route of a model's list."""
    return f"admin:{label.replace('.', '_')}_changelist"


def _models(group: str, name: str, icon: str, model: str) -> Page:
    return Page(group, name, icon, model_list(model), who_sees(model))


PAGES = (
    Page("", "Dashboard", "home", "admin:dashboard", everybody, below=("/admin/guide/",)),
    Page("Traffic", "Live", "pulse", "admin:live", everybody),
    Page(
        "Traffic",
        "Usage events",
        "list",
        model_list("analytics.usageeventrow"),
        everybody,
        below=("/admin/requests/",),
    ),
    Page("Traffic", "Analytics", "chart", "admin:analytics", everybody),
    Page("Pool", "Providers", "plug", "admin:pool", everybody, own_label="My provider keys"),
    _models("Pool", "Catalogue", "book", "providers.provider"),
    Page("Pool", "Catalogue review", "check", "admin:catalogue_review", who_sees("providers.providermodel")),
    _models("Pool", "Models", "cube", "providers.providermodel"),
    _models("Pool", "Provider keys", "key", "providers.credential"),
    _models("Routing", "Strategies", "route", "strategies.strategy"),
    Page("Routing", "Playground", "chat", "admin:playground", everybody),
    Page("Access", "Client keys", "ticket", model_list("clients.clientkey"), everybody),
    _models("Access", "Users", "users", "auth.user"),
    _models("Access", "Groups", "flag", "auth.group"),
    Page("Access", "Admin tokens", "bolt", model_list("clients.admintoken"), roles.is_admin),
    _models("System", "Configuration", "sliders", "gateway.appconfig"),
    _models("System", "Audit history", "shield", "auditlog.logentry"),
    Page("System", "API docs", "paper", "api_docs", everybody),
)


def pages_for(request: HttpRequest) -> Iterator[Entry]:
    """The pages that are open to the user, in the order of the sidebar."""
    user = cast("User", request.user)
    for page in PAGES:
        if page.allowed(user):
            url = reverse(page.route)
            label = page.label if user.is_staff else page.own_label or page.label
            yield Entry(page.group, label, page.icon, url, request.path.startswith((url, *page.below)))


def groups_for(request: HttpRequest) -> list[Group]:
    """The same, by heading."""
    return [
        Group(name, list(entries)) for name, entries in groupby(pages_for(request), lambda entry: entry.group)
    ]
