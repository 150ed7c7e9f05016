"""Where upstream calls leave: to the sandbox inside of the process, or over the network by the engine of FREEAI_HTTP_ENGINE."""

from django.conf import settings

from apps.providers.http.engine import HttpTransport
from apps.providers.sandbox import SandboxTransport
from apps.providers.types import UpstreamRequest
from apps.providers.upstream import Timeouts, Transport, UpstreamResponse


class Switchboard:
    """Sends `sandbox://` calls to the in-process sandbox and all others over the network."""

    def __init__(self, network: Transport | None = None) -> None:
        self.network: Transport = network or network_transport()
        self.sandbox: Transport = SandboxTransport()

    async def open(self, request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:
        """See `Transport.open`."""
        target = self.sandbox if request.url.startswith("sandbox:") else self.network
        return await target.open(request, timeouts)

    async def aclose(self) -> None:
        await self.sandbox.aclose()
        await self.network.aclose()


def network_transport() -> Transport:
    """The engine that the installation wants. Both keep the same contract."""
    if settings.FREEAI_HTTP_ENGINE == "aiohttp":
        from apps.providers.aiohttp_engine import (
            AiohttpTransport,  # 5 MiB that nobody else needs
        )

        return AiohttpTransport()
    return HttpTransport()
