from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class CoreConfig(AppConfig):
    name = "apps.core"
    label = "core"

    def ready(self) -> None:
        from apps.core import postgres

        pre_migrate.connect(postgres.take_the_time, sender=self)
        post_migrate.connect(postgres.hurry_again, sender=self)
