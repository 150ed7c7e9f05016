"""The arguments of one tool call, as they come in pieces."""

import orjson

MAX_COMPARED = 256 * 1024
"""Characters of arguments that are looked at as a whole."""


class Arguments:
    """What came of them. `size`: how many characters; `count`: in how many pieces.

    Each piece is looked at once, however often somebody asks what they mean, and they are decoded once, where their brackets are closed:
    an upstream may send thousands of fragments that each raise the question.
    """

    __slots__ = ("_backslash", "_depth", "_is_closed", "_is_quoted", "_meaning", "_pieces", "_seen", "size")

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[str] = []
        self._seen = 0  # of the pieces, how many were looked at
        self._depth = 0
        self._is_quoted = False
        self._backslash = ""  # at the end of the last piece: what it escapes is yet to come
        self._is_closed = False
        self._meaning: bytes | None = None

    @property
    def count(self) -> int:
        return len(self._pieces)

    def add(self, piece: str) -> None:
        self._pieces.append(piece)
        self.size += len(piece)

    def text(self) -> str:
        return "".join(self._pieces)

    def meaning(self) -> bytes | None:
        """The JSON that they are, as `meaning_of` spells it: what follows cannot be more of them. None while they are none, and where
        they are too long."""
        if self.size > MAX_COMPARED:
            return None
        for at in range(self._seen, len(self._pieces)):
            self._see(self._pieces[at], at)
        self._seen = len(self._pieces)
        return self._meaning

    def _see(self, piece: str, at: int) -> None:
        if self._is_closed:
            if piece.strip():
                self._meaning = None  # for good: something stands behind what was all
            return
        self._follow(piece)
        if self._depth <= 0 and not self._is_quoted:
            self._is_closed = True
            self._meaning = meaning_of("".join(self._pieces[: at + 1]))

    def _follow(self, piece: str) -> None:
        """How deep the brackets are nested behind a further piece; those in strings do not count."""
        text = self._backslash + piece
        self._backslash = "\\" * ((len(text) - len(text.rstrip("\\"))) % 2)
        text = text.removesuffix(self._backslash).replace("\\\\", "").replace('\\"', "")
        parts = text.split('"')
        outside = "".join(parts[self._is_quoted :: 2])
        self._is_quoted ^= len(parts) % 2 == 0
        self._depth += sum(map(outside.count, "[{")) - sum(map(outside.count, "]}"))


def meaning_of(arguments: str) -> bytes | None:
    """JSON in one spelling; None for what is none."""
    try:
        return orjson.dumps(orjson.loads(arguments), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
