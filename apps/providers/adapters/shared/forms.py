"""multipart/form-data as upstreams get it."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import uuid4

Field = tuple[str, str]


class File(NamedTuple):
    """A file of a form. What a client called it is not told."""

    field: str
    name: str
    kind: str
    data: bytes


def encoded_form(fields: Iterable[Field], files: Iterable[File]) -> tuple[str, bytes]:
    """(content type, body); files come last."""
    boundary = uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    for file in files:
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{file.field}"; filename="{file.name}"\r\n'
        )
        parts += [f"{head}Content-Type: {file.kind}\r\n\r\n".encode(), file.data, b"\r\n"]
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, f"--{boundary}--\r\n".encode()])
