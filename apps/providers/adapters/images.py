"""Images on every wire; refusals are classified by the provider's own."""

from msgspec.structs import replace

from apps.providers.adapters import codecs
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.shared.posts import unsent
from apps.providers.demands.image import ImageRequest, Pictures
from apps.providers.types import Offer

CODECS: dict[str, TaskCodec[ImageRequest, Pictures]] = codecs(lambda wire: wire.images)


def codec_for(offer: Offer) -> TaskCodec[ImageRequest, Pictures]:
    """The codec of the offer's images wire."""
    return CODECS[offer.preset.images.wire]


def dropped(request: ImageRequest, offer: Offer) -> tuple[str, ...]:
    """Fields of the request that do not reach the upstream."""
    wire, sends = offer.preset.images, codec_for(offer).sends
    lost = unsent(request.extra, wire.drops, sends)
    return lost if request.size is None or ("size" not in wire.drops and sends("size")) else ("size", *lost)


def split(request: ImageRequest, offer: Offer) -> list[ImageRequest]:
    """The request in parts, of no more pictures than the upstream gives in a call."""
    most = offer.preset.images.most
    return [replace(request, n=min(most, request.n - start)) for start in range(0, request.n, most)]
