"""Images in the attempt loop: as many upstream calls as the candidate needs for all pictures; those that were made are an answer."""

import binascii
from base64 import b64decode
from collections.abc import Sequence

from msgspec.structs import replace

from apps.gateway.attempts.answers import most_media
from apps.gateway.attempts.one_call import OneCall
from apps.providers.adapters import images
from apps.providers.adapters.shared.pictures import picture_format, unreadable
from apps.providers.claims import Size
from apps.providers.demands.image import ImageRequest, Picture, PictureForm, Pictures
from apps.providers.image_fetch import FetchError, ImageFetcher
from apps.providers.types import Offer, Task
from apps.strategies.ranking import Excluded


class Imagine:
    """The operation."""

    task: Task = "image"
    keeps_part = True

    def __init__(self, demand: ImageRequest, fetcher: ImageFetcher) -> None:
        self.demand = demand
        self._fetcher = fetcher

    def why_unfit(self, offer: Offer) -> Excluded | None:
        """Nothing: every wire carries a prompt."""
        return None

    def dropped(self, offer: Offer) -> tuple[str, ...]:
        return images.dropped(self.demand, offer)

    def calls(self, offer: Offer) -> Sequence["PictureCall"]:
        neurons = offer.preset.images.neurons
        return [
            PictureCall(part, self._fetcher, neurons * part.n) for part in images.split(self.demand, offer)
        ]

    def join(self, answers: list[Pictures]) -> Pictures:
        return Pictures(pictures=tuple(picture for answer in answers for picture in answer.pictures))


class PictureCall(OneCall[ImageRequest, Pictures]):
    """One upstream call. Pictures take nothing from token quotas."""

    def __init__(self, request: ImageRequest, fetcher: ImageFetcher, neurons: int) -> None:
        size = Size(prompt_tokens=0, max_tokens=0, images=request.n, neurons=neurons)
        super().__init__(request, images.codec_for, size, most=most_media())
        self._form: PictureForm = request.form
        self._fetcher = fetcher

    async def judged(self, answer: Pictures, offer: Offer) -> Pictures:
        """The pictures in the form that the client wants. Raises UpstreamError(PARSING) for what is none."""
        return replace(answer, pictures=tuple([await self._fit(one, offer) for one in answer.pictures]))

    async def _fit(self, picture: Picture, offer: Offer) -> Picture:
        if picture.url and self._form == "b64_json":
            try:
                uri = await self._fetcher.fetch(picture.url, offer.user_id)
            except FetchError as error:
                raise unreadable(f"the upstream's picture could not be fetched: {error}") from error
            picture = replace(picture, data=uri.partition(",")[2], url="")
        if picture.data:
            _check(picture.data)
        return picture


def _check(data: str) -> None:
    """Raises UpstreamError(PARSING) unless it is base64 of a picture."""
    try:
        image = b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise unreadable("the upstream's picture is no base64") from error
    if picture_format(image) is None:
        raise unreadable("the upstream's picture is no PNG, JPEG or WebP")
