"""The ASGI application: `/v1` and the probes to the lean handler, everything else to Django; the lifespan starts and stops the gateway."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from freeai.entrance import enter

enter(needs_secrets=True)

from django.conf import settings  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402

from apps.accounts import first_admin  # noqa: E402
from apps.analytics import shared_metrics  # noqa: E402
from apps.console.live_socket import Sockets  # noqa: E402
from apps.core import worker  # noqa: E402
from apps.core.board import open_board  # noqa: E402
from apps.core.postgres import pooler  # noqa: E402
from apps.core.postgres.patience import let_go  # noqa: E402
from apps.core.site_bodies import bounded  # noqa: E402
from apps.core.site_loading import loaded_late  # noqa: E402
from apps.core.state.choice import is_shared  # noqa: E402
from apps.gateway import kept_answers, runtime  # noqa: E402
from apps.gateway.attempts import shares  # noqa: E402
from apps.gateway.edge import gauges  # noqa: E402
from apps.gateway.edge.asgi import LeanHandler  # noqa: E402
from apps.gateway.edge.probes import DATABASE  # noqa: E402
from apps.gateway.outlook import delivery, watch  # noqa: E402
from apps.gateway.process import database_lock, fleet_mark, one_database, setup  # noqa: E402
from apps.gateway.traffic import broadcast, keeping, spans  # noqa: E402
from apps.gateway.traffic.watchers import open_watchers  # noqa: E402
from apps.gateway.urls import is_lean  # noqa: E402
from apps.providers import local_search  # noqa: E402
from freeai.refusals import sentence  # noqa: E402

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

lean = LeanHandler()
site = bounded(loaded_late(get_asgi_application(), settings.ROOT_URLCONF))
watchers = open_watchers()
sockets = Sockets(watchers)


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """See the module."""
    if scope["type"] == "http":
        await (lean if is_lean(scope["path"]) else site)(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)
    else:
        await sockets(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    try:
        await runtime.in_a_start(pooler.use)
        await runtime.in_a_start(database_lock.take)
        await runtime.in_a_start(setup.refuse_wrong_master_key)
        await runtime.in_a_start(one_database.claim)
        if worker.is_first():
            await runtime.in_a_start(first_admin.announce)
        gateway = runtime.Runtime()
        await gateway.start()
        if not is_shared(settings.FREEAI_STATE):
            gateway.keep("database_lock", database_lock.keep)
        else:
            gateway.keep(fleet_mark.NAME, partial(fleet_mark.keep, gateway.note))
        gateway.keep(watch.NAME, watch.Watch(gateway).run)
        gateway.keep(delivery.NAME, delivery.Delivery(gateway).run)
        gateway.keep(keeping.NAME, keeping.Keeper(gateway.decisions, gateway.store).run)
        gateway.keep(kept_answers.NAME, gateway.kept_answers.run)
        gateway.keep(broadcast.NAME, broadcast.Broadcast(gateway, watchers).run)
        if shared_metrics.is_shared():
            gateway.keep(gauges.NAME, partial(gauges.keep_telling, gateway))
        if (board := open_board()) is not None:
            gateway.keep(shares.NAME, shares.Shares(gateway.fairness, board).run)
        spans.start(gateway.feed)
        if worker.is_first():
            gateway.background(local_search.at_start())
    except Exception as error:  # noqa: BLE001 - the server prints the message and exits
        message = sentence(error) or f"{type(error).__name__}: {error}"
        await send({"type": "lifespan.startup.failed", "message": message})
        return
    runtime.install(gateway)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await DATABASE.aclose()
    await gateway.stop()
    await asyncio.to_thread(spans.stop, gateway.feed)
    await watchers.aclose()
    runtime.install(None)
    let_go()
    database_lock.release()
    await send({"type": "lifespan.shutdown.complete"})
