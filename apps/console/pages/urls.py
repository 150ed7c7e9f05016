"""The routes of our own pages: open to every active user, who sees there what is theirs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.http import HttpResponseBase
from django.urls import URLPattern, path

from apps.console.pages import (
    account,
    add_key,
    analytics,
    client_keys,
    custom_provider,
    dashboard,
    guide,
    live,
    playground,
    pool,
    profile,
    requests,
    review,
    search,
    strategies,
)

if TYPE_CHECKING:
    from apps.console.site import ConsoleSite


def routes(site: "ConsoleSite") -> list[URLPattern]:
    """Below the site's root."""
    views: dict[str, tuple[Callable[..., HttpResponseBase], str]] = {
        "dashboard/": (dashboard.show, "dashboard"),
        "traffic/": (analytics.show, "analytics"),
        "traffic/csv/": (analytics.as_csv, "analytics_csv"),
        "guide/": (guide.show, "guide"),
        "guide/hide/": (guide.hide, "hide_guide"),
        "profile/": (profile.show, "profile"),
        "profile/theme/": (profile.switch_theme, "theme"),
        "search/": (search.show, "search"),
        "here/": (search.here, "here"),
        "review/": (review.show, "catalogue_review"),
        "requests/<slug:own>/": (requests.show, "request"),
        "requests/<slug:own>/decision/": (requests.decision, "request_decision"),
        "live/": (live.show, "live"),
        "playground/": (playground.show, "playground"),
        "playground/explain/": (playground.explain_only, "playground_explain"),
        "strategies/strategy/add/": (strategies.add, "strategies_strategy_add"),
        "strategies/strategy/<int:pk>/change/": (strategies.edit, "strategies_strategy_change"),
        "strategies/strategy/<int:pk>/reset/": (strategies.put_back, "strategy_reset"),
        "pool/": (pool.show, "pool"),
        "pool/add/": (add_key.show, "add_key"),
        "pool/custom/": (custom_provider.show, "custom_provider"),
        "pool/<slug:name>/": (account.show, "account"),
        "pool/<slug:name>/test/": (account.test, "test_key"),
        "pool/<slug:name>/reset/": (account.reset, "reset_account"),
        "pool/<slug:name>/switch/": (account.switch, "switch_account"),
        "pool/<slug:name>/models/<int:pk>/switch/": (account.switch_model, "switch_model"),
        "pool/<slug:name>/limits/<int:evidence>/forget/": (account.forget_limit, "forget_limit"),
        "clients/clientkey/<int:pk>/rotate/": (client_keys.rotate, "rotate_client_key"),
        "clients/clientkey/<int:pk>/revoke/": (client_keys.revoke, "revoke_client_key"),
        "clients/clientkey/<int:pk>/first-use/": (client_keys.first_use, "client_key_first_use"),
    }
    answering: list[URLPattern] = [path("playground/chat/", playground.chat, name="playground_chat")]
    """Views on the event loop, which ask by themselves who is there."""
    return [
        *answering,
        *(path(route, site.admin_view(view), name=name) for route, (view, name) in views.items()),
    ]
