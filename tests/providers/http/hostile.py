"""Answers of upstreams that mean harm, or do not know better, made from a seed: nearly right ones, bent somewhere."""

import random
import zlib

STATUSES = [
    *[b"200 OK"] * 8,
    b"200",
    b"204 No Content",
    b"304 Not Modified",
    b"404 Not Found",
    b"500 x",
    b"429 Too Many",
]
LINES = [
    *[b"HTTP/1.1 "] * 20, *[b"HTTP/1.0 "] * 3, b"HTTP/2.0 ", b"HTTP/1.2 ",
    b"http/1.1 ", b"HTTP/1.1  ", b"ICY ", b"\r\nHTTP/1.1 ",
]  # fmt: skip
INTERIM = [
    *[b"HTTP/1.1 100 Continue\r\n\r\n"] * 8,
    b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
    b"HTTP/1.1 101 S\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
]
HEADERS = [
    *[b"content-type: application/json", b"x-a: b"] * 6,
    b"server: x", b"x-a:", b"x-b:  spaced\t ", b"connection: close", b"connection: keep-alive",
    b"X-Folded: a\r\n b", b"x\xff: y", b"x-latin: \xe9", b"x-nul: a\0b", b"no colon", b": no name", b"x y: z", b"x-cr: a\rb",
    b"date: Fri, 27 Nov 2026 10:00:00 GMT", b"content-encoding: identity", b"trailer: x-t", b"x" * 30 + b": y",
]  # fmt: skip
CODINGS = [
    *[b"chunked"] * 12,
    b"Chunked",
    b" chunked ",
    b"gzip, chunked",
    b"chunked, gzip",
    b"identity",
    b"xchunked",
    b"chunked, chunked",
    b"",
]
BODIES = [
    b"",
    b"ok",
    b'{"a": 1}',
    b"data: x\n\ndata: [DONE]\n\n",
    b"y" * 30,
    b"0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno",
]


def answer(chance: random.Random) -> bytes:
    """What a connection brings, up to its end."""
    made = b"".join(chance.choice(INTERIM) for _ in range(chance.choice([0, 0, 0, 0, 0, 1, 2])))
    body = chance.choice(BODIES)
    headers = chance.sample(HEADERS, chance.choice([0, 0, 1, 2, 3]))
    framing, sent = _framed(chance, body)
    headers += framing
    chance.shuffle(headers)
    newline = chance.choice([b"\r\n"] * 40 + [b"\n"])
    made += chance.choice(LINES) + chance.choice(STATUSES) + newline
    made += b"".join(header + newline for header in headers) + newline + sent
    if chance.random() < 0.15:
        made += chance.choice([b"\r\n", b"x", b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"\0" * 9])
    return _bent(chance, made)


def pieces(chance: random.Random, data: bytes) -> list[bytes]:
    """`data` as it arrives."""
    if chance.random() < 0.3:
        return [data]
    if chance.random() < 0.2 and len(data) < 400:
        return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 5)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if start < end]


def _framed(chance: random.Random, body: bytes) -> tuple[list[bytes], bytes]:
    """The headers that say where the body ends, and the body."""
    length = b"content-length: %d" % len(body)
    match chance.randrange(20):
        case 0:
            return [], body
        case 1 | 2 | 3:
            return [length], body
        case 4:
            wrong = [len(body) + 1, max(len(body) - 1, 0), -1, 2**64, 10**30]
            return [b"content-length: %d" % chance.choice(wrong)], body
        case 5:
            odd = [
                b"content-length: ",
                b"content-length: 1 1",
                b"content-length: 0x2",
                b"content-length: +2",
                b"content-length: 2, 2",
            ]
            return [chance.choice(odd)], body
        case 6:
            return [length, chance.choice([length, b"content-length: 1"])], body
        case 7:
            return [length, b"transfer-encoding: " + chance.choice(CODINGS)], _chunked(chance, body)
        case _:
            codings = [chance.choice(CODINGS)] if chance.random() < 0.9 else chance.sample(CODINGS, 2)
            return [b"transfer-encoding: " + coding for coding in codings], _chunked(chance, body)


def _chunked(chance: random.Random, body: bytes) -> bytes:
    made = b""
    while body:
        size = chance.randrange(1, len(body) + 1)
        chunk, body = body[:size], body[size:]
        form = chance.choice([b"%x"] * 30 + [b"%X", b"00%x", b"%x;ext=1", b"%x ", b"0x%x", b"+%x", b"%x\t"])
        made += form % len(chunk) + b"\r\n" + chunk + chance.choice([b"\r\n"] * 60 + [b"\n", b"", b"x\r\n"])
    made += chance.choice([b"0"] * 40 + [b"00", b"0;last", b"", b"g"]) + b"\r\n"
    made += chance.choice([b""] * 12 + [b"x-t: 1\r\n", b"content-length: 3\r\n", b"bad trailer\r\n"])
    return made + chance.choice([b"\r\n"] * 30 + [b"", b"\n"])


def _bent(chance: random.Random, made: bytes) -> bytes:
    """Most as they are; some cut off, some with bytes changed, doubled or left out."""
    match chance.randrange(16):
        case 0 | 1:
            return made[: chance.randrange(len(made) + 1)]
        case 2:
            at = chance.randrange(len(made))
            return made[:at] + bytes([chance.randrange(256)]) + made[at + 1 :]
        case 3:
            at = chance.randrange(len(made))
            return made[:at] + made[at + 1 :]
        case 4:
            at = chance.randrange(len(made))
            return made[:at] + made[at : at + 4] + made[at:]
        case _:
            return made


def packed(name: str, body: bytes) -> bytes:
    """`body` as `content-encoding` names it; "raw" for what some call deflate."""
    bits = {"gzip": 31, "x-gzip": 31, "deflate": 15, "raw": -15}[name]
    packer = zlib.compressobj(wbits=bits)
    return packer.compress(body) + packer.flush()
