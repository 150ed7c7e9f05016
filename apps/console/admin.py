"""Pages of models that show more than their own app knows: what is left of a key, whose an event is."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from apps.analytics.admin import UsageEventAdmin
from apps.analytics.models import UsageEventRow
from apps.clients.admin import ClientKeyAdmin
from apps.clients.models import ClientKey
from apps.console.pages import client_keys, events

admin.site.unregister(ClientKey)
admin.site.unregister(UsageEventRow)


@admin.register(ClientKey)
class ClientKeyPages(ClientKeyAdmin):
    """A list with what is left of each key, and code to paste beside a new one."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Actions on chosen rows are Django's."""
        if request.method == "POST":
            return super().changelist_view(request, extra_context)
        return client_keys.show(request)

    def show_once(self, request: HttpRequest, obj: ClientKey, raw: str) -> HttpResponse:
        """With code to paste."""
        return client_keys.issued(request, obj, raw)


@admin.register(UsageEventRow)
class UsageEventPages(UsageEventAdmin):
    """A list that stays fast with millions of rows."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Only to read."""
        return events.show(request)
