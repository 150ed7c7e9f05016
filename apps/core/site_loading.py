"""The Django side is loaded when somebody first asks it for something: a gateway of which nobody does starts sooner."""

import asyncio
from importlib import import_module

from apps.core.site_bodies import Application, Message, Receive, Send


def loaded_late(application: Application, urlconf: str) -> Application:
    """The application, for which `urlconf` is imported first, with all pages that it names: in a thread, since that takes half a second."""
    is_loaded = False

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal is_loaded
        if not is_loaded:
            await asyncio.to_thread(import_module, urlconf)
            is_loaded = True
        await application(scope, receive, send)

    return serve
