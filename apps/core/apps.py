from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate, pre_save


class CoreConfig(AppConfig):
    name = "apps.core"
    label = "core"

    def ready(self) -> None:
        from auditlog.models import LogEntry
        from auditlog.signals import pre_log

        from apps.core import audit, postgres

        pre_migrate.connect(postgres.take_the_time, sender=self)
        post_migrate.connect(postgres.hurry_again, sender=self)
        pre_log.connect(audit.is_act, dispatch_uid="core:audit")
        pre_save.connect(audit.sign, sender=LogEntry, dispatch_uid="core:audit")
