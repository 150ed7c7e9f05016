"""Usage events in the admin: to read, and fast however many there are."""

from typing import TYPE_CHECKING, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from apps.analytics.models import UsageEventRow

COUNTED_ROWS = 10_000

if TYPE_CHECKING:
    PaginatorBase = Paginator[UsageEventRow]
    UsageEventAdminBase = admin.ModelAdmin[UsageEventRow]
else:
    PaginatorBase = Paginator
    UsageEventAdminBase = admin.ModelAdmin


class BoundedPaginator(PaginatorBase):
    """Pages over the newest 10,000 rows: counting stops there, so that no page scans the table."""

    @cached_property
    def count(self) -> int:
        """How many rows there are to page through, 10,000 at most."""
        return cast("QuerySet[UsageEventRow]", self.object_list)[:COUNTED_ROWS].count()


@admin.register(UsageEventRow)
class UsageEventAdmin(UsageEventAdminBase):
    """Read-only. Search takes a whole request id; a substring search would scan the table."""

    list_display = [
        "at",
        "provider",
        "model",
        "outcome",
        "error_kind",
        "latency_ms",
        "ttfb_ms",
        "prompt_tokens",
        "completion_tokens",
        "strategy",
        "fallback_position",
        "user_id",
        "client_id",
        "request_id",
    ]
    list_filter = ["at"]
    search_fields = ["request_id__exact"]
    search_help_text = "A whole request id"
    ordering = ["-at"]
    sortable_by = ()
    list_per_page = 100
    list_max_show_all = 100
    show_full_result_count = False
    paginator = BoundedPaginator

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: UsageEventRow | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: UsageEventRow | None = None) -> bool:
        return False
