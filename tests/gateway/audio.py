"""Audio files by their first bytes, and multipart forms."""

from tests.asgi import Answer, Client

BOUNDARY = "b0undary"
SAMPLES: dict[str, bytes] = {
    "mp3": b"\xff\xfb\x90\x64" + bytes(64),
    "mp3_tagged": b"ID3\x04\x00\x00\x00\x00\x00\x05hello\xff\xfb\x90\x64" + bytes(64),
    "wav": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(64),
    "ogg": b"OggS\x00\x02" + bytes(64),
    "opus": b"OggS\x00\x02" + bytes(20) + b"OpusHead" + bytes(32),
    "flac": b"fLaC\x00\x00\x00\x22" + bytes(64),
    "webm": b"\x1aE\xdf\xa3\x9fB\x86\x81" + bytes(64),
    "m4a": b"\x00\x00\x00\x20ftypM4A \x00\x00\x00\x00" + bytes(64),
    "mp4": b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00" + bytes(64),
    "mpeg": b"\x00\x00\x01\xba\x44\x00" + bytes(64),
    "mpga": b"\xff\xfd\x90\x64" + bytes(64),
    "aac": b"\xff\xf1\x50\x80" + bytes(64),
    "aac_tagged": b"ID3\x04\x00\x00\x00\x00\x00\x02ab\xff\xf1\x50\x80" + bytes(64),
}


def form(*fields: tuple[str, str], file: bytes | None = SAMPLES["mp3"], name: str = "speech.mp3") -> bytes:
    """A multipart body, the file last."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields
    ]
    if file is not None:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        parts += [head.encode(), file, b"\r\n"]
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


async def transcribe(
    client: Client,
    *fields: tuple[str, str],
    file: bytes | None = SAMPLES["mp3"],
    name: str = "speech.mp3",
    content_type: str = f"multipart/form-data; boundary={BOUNDARY}",
) -> Answer:
    """POST /v1/audio/transcriptions."""
    body = form(*fields, file=file, name=name)
    return await client.request("POST", "/v1/audio/transcriptions", body, {"content-type": content_type})
