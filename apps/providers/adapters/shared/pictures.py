"""What the wires share that make pictures."""

from base64 import b64encode
from typing import Any, Final

from apps.providers.adapters.shared.values import as_dict, as_text
from apps.providers.demands.image import ImageRequest, Picture, Pictures, Sides
from apps.providers.errors import ErrorKind, UpstreamError

GRID: Final = 16
LEAST_SIDE, MOST_SIDE = 256, 2048
SIGNATURES: Final = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"))


def picture_format(image: bytes) -> str | None:
    """ "png", "jpeg" or "webp" by the first bytes, None for anything else."""
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "webp"
    return next((kind for signature, kind in SIGNATURES if image.startswith(signature)), None)


def on_grid(size: Sides) -> Sides:
    """The nearest size that diffusion models make: sides are multiples of 16, and neither tiny nor huge."""
    return Sides(*(min(max(round(side / GRID) * GRID, LEAST_SIDE), MOST_SIDE) for side in size))


def of_bytes(image: bytes) -> Pictures:
    """The answer that is one picture. Raises UpstreamError(PARSING) where it is none."""
    if picture_format(image) is None:
        raise unreadable("the upstream's answer is no picture")
    return Pictures(pictures=(Picture(data=b64encode(image).decode("ascii")),))


def of_list(values: Any, request: ImageRequest) -> tuple[Picture, ...]:
    """The pictures of a list of `{b64_json | url, revised_prompt?}`, no more than asked for. Raises UpstreamError(PARSING) where one is
    neither, or there is none."""
    if not isinstance(values, list) or not values:
        raise unreadable("the upstream sent no picture")
    return tuple(_picture(value) for value in values[: request.n])


def _picture(value: Any) -> Picture:
    item = as_dict(value)
    data, url = as_text(item.get("b64_json")), as_text(item.get("url"))
    if not data and url.startswith("data:image/"):
        data = url.partition(",")[2]
    if not data and not url.startswith(("https://", "http://")):
        raise unreadable("the upstream sent a picture that is neither base64 nor an address")
    return Picture(data=data, url="" if data else url, revised_prompt=as_text(item.get("revised_prompt")))


def unreadable(message: str) -> UpstreamError:
    """The error to raise for an answer of the wrong shape."""
    return UpstreamError(ErrorKind.PARSING, message)
