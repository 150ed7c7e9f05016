from django.apps import AppConfig
from django.contrib.admin import apps as django_admin


class ConsoleConfig(AppConfig):
    name = "apps.console"
    label = "console"
    default = True


class SiteConfig(django_admin.SimpleAdminConfig):
    """Django's admin, with our site as the default one: `@admin.register` needs to know nothing of it. It finds its pages when it is first
    asked for them (`ConsoleSite.find_pages`): they are a fifth of what a start would load."""

    default = False
    default_site = "apps.console.site.ConsoleSite"
