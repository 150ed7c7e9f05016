from django.apps import AppConfig
from django.contrib.admin import apps as django_admin


class ConsoleConfig(AppConfig):
    name = "apps.console"
    label = "console"
    default = True


class SiteConfig(django_admin.AdminConfig):
    """Django's admin, with our site as the default one: `@admin.register` needs to know nothing of it."""

    default = False
    default_site = "apps.console.site.ConsoleSite"
