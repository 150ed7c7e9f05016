"""The one row of configuration."""

from django.contrib import admin
from django.http import HttpRequest

from apps.gateway.models import AppConfig

admin.site.site_header = admin.site.site_title = "FreeAI"
admin.site.index_title = "Gateway"


@admin.register(AppConfig)
class AppConfigAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["__str__", "stream_idle_timeout_s", "total_timeout_s", "provider_max_retries"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one row; the set-up makes it."""
        return not AppConfig.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: AppConfig | None = None) -> bool:
        return False
