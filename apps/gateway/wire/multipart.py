"""multipart/form-data in memory: Django's parser, with a handler that never writes to disk."""

from io import BytesIO
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from msgspec import Struct

from apps.gateway.wire.errors import bad_request

CHUNK_BYTES = 1024 * 1024
MAX_FIELDS = 64
MAX_FIELD_CHARS = 64 * 1024


class Form(Struct, frozen=True):
    """The text fields in their order, and the files by field name; of a list (`image[]`) by its place in it, as `image[0]`."""

    fields: list[tuple[str, str]]
    files: dict[str, bytes]


def parse(content_type: str, body: bytes) -> Form:
    """The form in `body`. Raises ApiError(400)."""
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        raise bad_request("The request must be multipart/form-data.")
    handler = _Memory()
    meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    try:
        posted, _ = MultiPartParser(meta, BytesIO(body), [handler], "utf-8").parse()
    except RequestDataTooBig:
        raise bad_request("The form's text fields are too long.") from None
    except (MultiPartParserError, SuspiciousOperation) as error:
        raise bad_request(f"The request body is not valid multipart/form-data: {error}") from None
    fields = [(name, value) for name, values in posted.lists() for value in values]
    if len(fields) > MAX_FIELDS:
        raise bad_request(f"The form has more than {MAX_FIELDS} fields.")
    for name, value in fields:
        if len(value) > MAX_FIELD_CHARS:
            raise bad_request(f"`{name[:100]}`: longer than {MAX_FIELD_CHARS} characters.", param=name[:100])
    return Form(fields, handler.files)


class _Memory(FileUploadHandler):
    """Keeps what it gets; the body is in memory and limited already."""

    chunk_size = CHUNK_BYTES

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self._parts: list[bytes] = []
        self._listed = -1

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._parts = []

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._parts.append(raw_data)

    def file_complete(self, file_size: int) -> None:
        name = self.field_name or ""
        if name.endswith("[]"):
            self._listed += 1
            name = f"{name[:-2]}[{self._listed}]"
        if name in self.files:
            raise bad_request(f"`{name[:100]}`: more than one file.", param=name[:100])
        self.files[name] = b"".join(self._parts)
