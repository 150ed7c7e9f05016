from django.apps import AppConfig


class ClientsConfig(AppConfig):
    name = "apps.clients"
    label = "clients"

    def ready(self) -> None:
        """Keep the key snapshot in step with keys and with the users that own them."""
        from django.contrib.auth import get_user_model
        from django.db.models.signals import post_save

        from apps.clients import keys
        from apps.clients.models import ClientKey
        from apps.core import snapshot

        snapshot.watch(keys.SECTION, ClientKey)
        post_save.connect(keys.follow_user, sender=get_user_model(), dispatch_uid="clients:follow_user")
