from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    name = "apps.providers"
    label = "providers"

    def ready(self) -> None:
        from apps.core.snapshot import watch
        from apps.providers.models import Credential, Provider, ProviderModel
        from apps.providers.offers import CATALOGUE

        watch(CATALOGUE.name, Provider, ProviderModel, Credential)
