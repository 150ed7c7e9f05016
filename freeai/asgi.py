"""The ASGI application: `/v1` and the probes to the lean handler, everything else to Django; the lifespan starts and stops the gateway."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freeai.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402

from apps.core.postgres.dbapi import let_go  # noqa: E402
from apps.gateway import runtime  # noqa: E402
from apps.gateway.edge.asgi import LeanHandler  # noqa: E402
from apps.gateway.edge.urls import is_lean  # noqa: E402
from freeai import logs  # noqa: E402

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

logs.configure(settings.FREEAI_LOG_LEVEL, settings.FREEAI_LOG_FORMAT)
lean = LeanHandler()
site: Any = get_asgi_application()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """See the module."""
    if scope["type"] == "http":
        await (lean if is_lean(scope["path"]) else site)(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)
    else:
        await send({"type": "websocket.close", "code": 4404})


async def _lifespan(receive: Receive, send: Send) -> None:
    gateway = runtime.Runtime()
    await receive()
    try:
        await gateway.start()
    except Exception as error:  # noqa: BLE001 - the server prints the message and exits
        await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
        return
    runtime.install(gateway)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await gateway.stop()
    runtime.install(None)
    let_go()
    await send({"type": "lifespan.shutdown.complete"})
