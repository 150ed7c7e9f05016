from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    name = "apps.providers"
    label = "providers"

    def ready(self) -> None:
        from apps.core.redaction import mask_keys
        from apps.core.snapshot import watch
        from apps.providers.catalogue_files import shipped_key_prefixes
        from apps.providers.models import Credential, Provider, ProviderModel
        from apps.providers.offers import CATALOGUE

        mask_keys(shipped_key_prefixes())
        watch(CATALOGUE.name, Provider, ProviderModel, Credential)
