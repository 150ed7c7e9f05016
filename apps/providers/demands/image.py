"""Images: a prompt, and pictures of it."""

from typing import Literal, NamedTuple

from msgspec import Struct, field

from apps.core.json_types import JSONObject
from apps.providers.estimates import text_tokens
from apps.providers.tasks import TaskAnswer, TaskRequest

PictureForm = Literal["b64_json", "url"]


class Sides(NamedTuple):
    """In pixels."""

    width: int
    height: int


class ImageRequest(TaskRequest, frozen=True, kw_only=True):
    """A validated image request. `size` None: the model's own. `form`: how the client wants each picture. `sources`:
    pictures to change as the prompt says, where `mask` leaves room for it. `extra`: fields that are passed
    on as they came."""

    prompt: str
    n: int = 1
    size: Sides | None = None
    form: PictureForm = "b64_json"
    sources: tuple[bytes, ...] = ()
    mask: bytes | None = None
    extra: JSONObject = field(default_factory=dict)

    @property
    def prompt_tokens(self) -> int:
        return text_tokens(self.prompt)


class Picture(Struct, frozen=True, kw_only=True):
    """One picture, as base64 in `data` or at an address in `url`."""

    data: str = ""
    url: str = ""
    revised_prompt: str = ""


class Pictures(TaskAnswer, frozen=True, kw_only=True):
    """At least one."""

    pictures: tuple[Picture, ...]
