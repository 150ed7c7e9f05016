from django.apps import AppConfig


class FreeAIConfig(AppConfig):
    name = "freeai"
    label = "freeai"

    def ready(self) -> None:
        """Register the system checks of the settings."""
        from freeai import checks  # noqa: F401
