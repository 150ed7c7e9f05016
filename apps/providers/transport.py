"""Where upstream calls leave: to the sandbox inside of the process, or over the network."""

from apps.providers.aiohttp_engine import AiohttpTransport
from apps.providers.sandbox import SandboxTransport
from apps.providers.types import UpstreamRequest
from apps.providers.upstream import Timeouts, Transport, UpstreamResponse


class Switchboard:
    """Sends `sandbox://` calls to the in-process sandbox and all others over the network."""

    def __init__(self, network: Transport | None = None) -> None:
        self.network: Transport = network or AiohttpTransport()
        self.sandbox: Transport = SandboxTransport()

    async def open(self, request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:
        """See `Transport.open`."""
        target = self.sandbox if request.url.startswith("sandbox:") else self.network
        return await target.open(request, timeouts)

    async def aclose(self) -> None:
        await self.sandbox.aclose()
        await self.network.aclose()
