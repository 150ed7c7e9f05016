"""Image endpoints: OpenAI's, Cloudflare's /ai/run, Hugging Face's raw bytes, NVIDIA's artifacts. Pictures are tiny but real."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import orjson

from fakes.answers import Answer, Asked
from fakes.faults import Problem, Refused

from .base import Call, Deviations, Event, json_object, prompt_size_and_digest, require_types
from .transcriptions import read_form

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


def png_of(seed: int) -> bytes:
    """A PNG of one pixel, of which the seed is the colour."""
    pixel = bytes((0, seed % 256, seed // 256 % 256, 128))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(pixel)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


class Images:
    """POST /images/generations. `words`: what `response_format` may say; what asks for an address gets `site`."""

    name = "images"
    method = "POST"
    path = "/images/generations"
    generates = True
    public = False
    line_end = b"\n"
    done = None

    def __init__(
        self, words: tuple[str, ...] = ("b64_json", "url"), site: str = "https://pictures.test/1.png"
    ) -> None:
        self._words = words
        self._site = site

    def read(self, call: Call) -> Asked:
        """What is asked; `dimensions` is 1 where an address is wanted."""
        body = json_object(call)
        require_types(body, {"model": str, "prompt": str, "n": int, "size": str, "response_format": str})
        said = body.get("response_format")
        if said is not None and said not in self._words:
            raise Refused(Problem(status=400, message=f"Invalid value: '{said}'", param="response_format"))
        wants_url = said == "url" or (said is None and "url" in self._words)
        return self.asked_of(
            body.get("model") or "", body.get("prompt"), body, body.get("n") or 1, int(wants_url)
        )

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """OpenAI's list."""
        data: list[dict[str, Any]] = [
            {"url": self._site} if asked.dimensions else {"b64_json": b64encode(png_of(at)).decode()}
            for at in range(asked.n)
        ]
        return orjson.dumps({"created": 1_790_000_000, "data": data})

    def events(self, asked: Asked, answer: Answer, deviations: Deviations) -> Iterable[Event]:
        """No events: nothing here asks for a stream."""
        return ()

    def asked_of(self, model: str, prompt: Any, body: Any, n: int = 1, url: int = 0) -> Asked:
        """A picture of `prompt`. Raises Refused for none."""
        if not isinstance(prompt, str) or not prompt:
            raise Refused(Problem(status=400, message="prompt is required", param="prompt"))
        tokens, digest = prompt_size_and_digest(prompt, model)
        return Asked(
            family=self.name, model=model, digest=digest, prompt_tokens=tokens, n=n, dimensions=url, body=body
        )


class ImageEdits(Images):
    """POST /images/edits: a form."""

    path = "/images/edits"

    def read(self, call: Call) -> Asked:
        """What is asked. Raises Refused where there is nothing to change."""
        form = read_form(call)
        if not {"image", "image[]"} & form.keys():
            raise Refused(Problem(status=400, message="image is required", param="image"))
        fields = {
            name: value[0] for name, value in form.items() if isinstance(value, list) and name != "order"
        }
        return self.asked_of(fields.get("model", ""), fields.get("prompt"), fields, int(fields.get("n", 1)))


class WorkersAIImages(Images):
    """POST …/ai/run/{model}, beside …/ai/v1: base64 of a JPEG in the envelope, or a bare PNG."""

    path = "/../run/{model:@cf/(?:black-forest-labs|stabilityai)/.+}"

    def read(self, call: Call) -> Asked:
        """What is asked."""
        body = json_object(call)
        require_types(body, {"prompt": str, "steps": int, "seed": int})
        return self.asked_of(call.match["model"], body.get("prompt"), body)

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """By the model."""
        if "stabilityai" in asked.model:
            return png_of(1)
        image = b64encode(JPEG).decode()
        return orjson.dumps({"result": {"image": image}, "success": True, "errors": [], "messages": []})


class RawImages(Images):
    """POST …/hf-inference/models/{model}: the picture itself."""

    path = "/../hf-inference/models/{model:(?:black-forest-labs|stabilityai)/.+}"

    def read(self, call: Call) -> Asked:
        """What is asked."""
        body = json_object(call)
        require_types(body, {"inputs": str, "parameters": dict})
        return self.asked_of(call.match["model"], body.get("inputs"), body)

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """A JPEG."""
        return JPEG


class Artifacts(Images):
    """POST …/genai/{model}."""

    path = "/genai/{model:.+}"

    def read(self, call: Call) -> Asked:
        """What is asked."""
        body = json_object(call)
        require_types(body, {"prompt": str, "width": int, "height": int, "steps": int, "seed": int})
        return self.asked_of(call.match["model"], body.get("prompt"), body)

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """Artifacts; a filtered one has no picture."""
        if answer.choices[0].finish == "content_filter":
            artifact = {"base64": "", "finishReason": "CONTENT_FILTERED", "seed": 1}
        else:
            artifact = {"base64": b64encode(JPEG).decode(), "finishReason": "SUCCESS", "seed": 1}
        return orjson.dumps({"artifacts": [artifact]})
