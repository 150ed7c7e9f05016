from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "apps.gateway"
    label = "gateway"

    def ready(self) -> None:
        from apps.core import snapshot
        from apps.gateway import config, models

        snapshot.watch(config.CONFIG.name, models.AppConfig)
