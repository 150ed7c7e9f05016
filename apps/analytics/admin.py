"""Usage events in the admin: to read. Their list is the console's, which knows whose they are."""

from django.contrib import admin
from django.http import HttpRequest

from apps.analytics.models import UsageEventRow
from apps.core.owned import OwnedAdmin


@admin.register(UsageEventRow)
class UsageEventAdmin(OwnedAdmin):
    """Read-only."""

    owner = "user_id"
    own = frozenset({"view"})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: UsageEventRow | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: UsageEventRow | None = None) -> bool:
        return False
