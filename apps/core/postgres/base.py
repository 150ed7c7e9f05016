"""The backend: `ENGINE = "apps.core.postgres"`. Two OPTIONS of its own beside libpq's:

`patience_s`        the longest silence of the server within a statement; the connection is closed then
`max_connections`   of this process, those of background loops apart; who needs one more waits for a while
"""

import threading
import weakref
from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql import base

from apps.core.postgres import dbapi
from apps.core.postgres.patience import PATIENCE_S

SLOT_WAIT_S = 10.0

_slots: dict[str, threading.BoundedSemaphore] = {}


class DatabaseWrapper(base.DatabaseWrapper):
    Database = dbapi

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        for own in ("patience_s", "max_connections"):
            params.pop(own, None)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        give_back = self._take_slot()
        try:
            connection = super().get_new_connection(conn_params)
        except BaseException:
            give_back()
            raise
        connection.patience_s = self.settings_dict["OPTIONS"].get("patience_s")
        # At its end, be it closed or forgotten by a thread that ended: a slot that is never given back is lost for all.
        connection.on_close = weakref.finalize(connection, give_back)
        return connection

    def _take_slot(self) -> Callable[[], None]:
        """Wait until there may be one connection more; returns how to say that it is gone. Raises OperationalError."""
        most = self.settings_dict["OPTIONS"].get("max_connections")
        if most is None or PATIENCE_S.get() is not None:
            return _nothing
        slots = _slots.setdefault(self.alias, threading.BoundedSemaphore(most))
        if not slots.acquire(timeout=SLOT_WAIT_S):
            raise dbapi.OperationalError(
                f"All {most} database connections of this process were in use for {SLOT_WAIT_S:.0f} s "
                "(FREEAI_DATABASE_MAX_CONNECTIONS)."
            )
        return slots.release


def _nothing() -> None:
    """For connections that are not counted."""
