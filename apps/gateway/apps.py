from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from apps.providers.outlook import Outlook
    from apps.providers.states import State


class GatewayConfig(AppConfig):
    name = "apps.gateway"
    label = "gateway"

    def ready(self) -> None:
        from apps.clients import allowed
        from apps.core import snapshot
        from apps.gateway import config, models
        from apps.gateway.known_names import unknown_names
        from apps.providers import outlook, states

        states.told_by(_account_states)
        outlook.told_by(_account_outlooks)
        allowed.judged_by(unknown_names)
        snapshot.watch(config.CONFIG.name, models.AppConfig)


def _account_states(user_id: int) -> "Mapping[str, State]":
    """Imported when it is asked: commands that only write rows need no gateway."""
    from apps.gateway.api.live import account_states

    return account_states(user_id)


def _account_outlooks(user_id: int) -> "Mapping[str, Outlook]":
    """The same."""
    from apps.gateway.api.live import account_outlooks

    return account_outlooks(user_id)
