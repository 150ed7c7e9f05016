from django.apps import AppConfig


class StrategiesConfig(AppConfig):
    name = "apps.strategies"
    label = "strategies"

    def ready(self) -> None:
        from apps.core import snapshot
        from apps.strategies import library
        from apps.strategies.models import Strategy

        snapshot.watch(library.STRATEGIES.name, Strategy)
