"""What a client key may refer to in a request: its answers of the last hour, and its own sealed thoughts."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import orjson
from django.conf import settings

from apps.core import clock
from apps.core.json_bounds import holds_more_values
from apps.core.json_types import JSONObject
from apps.gateway.endpoints.responses.members import PREFIX
from apps.gateway.endpoints.responses.wire import thoughts
from apps.gateway.kept_answers import Answers, Part
from apps.gateway.wire.errors import ApiError

ITEM_ID: Final = re.compile(r"[a-z]+_([0-9a-f]{32})_([0-9]{1,6})")
ANSWERED, ASKED = 0, 1
"""Parts of a kept answer: the response object, with the items as a later turn needs them; all items that it was asked with."""


class Memory:
    """Of one request: first it is told to what that refers (`look_up`), then it knows. What a request refers to may come to as much as it
    may hold itself, however often it does so."""

    def __init__(self, answers: Answers, client_id: int) -> None:
        self._answers = answers
        self._client_id = client_id
        self._left = settings.FREEAI_MAX_BODY_BYTES
        self._parts: Mapping[Part, bytes | None] = {}
        self._read: dict[str, JSONObject | None] = {}
        self._to_keep: tuple[str, list[bytes]] | None = None

    @property
    def reach(self) -> int:
        """Bytes of what was looked up."""
        return sum(len(part) for part in self._parts.values() if part is not None)

    @property
    def is_on(self) -> bool:
        """Whether anything is kept at all."""
        return bool(settings.FREEAI_RESPONSE_STORE)

    def packed(self, conversation: list[JSONObject]) -> bytes | None:
        """All items of a request, as they are kept with its answer; None where nothing is kept, or they are too large for that."""
        if not self.is_on:
            return None
        data = orjson.dumps(conversation)
        return data if self._answers.fits([data]) else None

    async def look_up(self, previous: str | None, items: Iterable[str] = ()) -> None:
        """Bring the answer to which a request is the next, and those of which it names items."""
        wanted: dict[Part, None] = {}
        if previous is not None:
            wanted |= {(previous, ANSWERED): None, (previous, ASKED): None}
        for name in items:
            if (response_id := _answer_of(name)) is not None:
                wanted[response_id, ANSWERED] = None
        if wanted and self.is_on:
            found = await self._answers.get(self._client_id, [*wanted], clock.now())
            self._parts = dict(zip(wanted, found, strict=True))

    def keep(self, response: JSONObject, conversation: bytes, output: list[JSONObject]) -> bool:
        """Keep an answer, with the next `kept`; False where it is too large. `output`: its items as a later turn needs them."""
        parts = [orjson.dumps(response | {"output": output}), conversation]
        if not self._answers.fits(parts):
            return False
        self._to_keep = (response["id"], parts)
        return True

    async def kept(self) -> None:
        """Until the next request finds what is to be kept."""
        if self._to_keep is not None:
            (response_id, parts), self._to_keep = self._to_keep, None
            await self._answers.put(self._client_id, response_id, parts, clock.now())

    def response(self, response_id: str) -> JSONObject | None:
        """An earlier answer, its thoughts sealed."""
        if response_id not in self._read:
            data = self._parts.get((response_id, ANSWERED))
            self._read[response_id] = None if data is None else orjson.loads(data)
        return self._read[response_id]

    def asked(self, response_id: str) -> list[JSONObject] | None:
        """The items that it was asked with. Raises ApiError(413)."""
        data = self._parts.get((response_id, ASKED))
        if data is None:
            return None
        self._take(data)
        made: list[JSONObject] = orjson.loads(data)
        return made

    def conversation(self, response_id: str) -> list[JSONObject] | None:
        """All items up to the end of an earlier answer. Raises ApiError(413)."""
        asked, answered = self.asked(response_id), self.response(response_id)
        return None if asked is None or answered is None else [*asked, *answered["output"]]

    def item(self, item_id: str) -> JSONObject | None:
        """One item of an earlier answer. Raises ApiError(413)."""
        response_id = _answer_of(item_id)
        answered = self.response(response_id) if response_id else None
        if answered is None:
            return None
        item = next((each for each in answered["output"] if each["id"] == item_id), None)
        if item is not None:
            self._take(orjson.dumps(item))
        return item

    def holds(self, response_id: str) -> bool:
        """Whether there is such an earlier answer."""
        return self._parts.get((response_id, ANSWERED)) is not None

    async def drop(self, response_id: str) -> bool:
        """Forget an answer; whether it was there."""
        return await self._answers.drop(self._client_id, response_id, clock.now())

    def opened(self, token: object) -> str | None:
        """The thought in an `encrypted_content`; None for one that was not sealed here for this key."""
        return thoughts.opened(token, self._client_id)

    def sealed(self, thought: str) -> str | None:
        """The token for a thought; None for one that is too long."""
        return thoughts.sealed(thought, self._client_id)

    def _take(self, data: bytes) -> None:
        """Raises ApiError(413)."""
        self._left -= len(data)
        if self._left < 0 or holds_more_values(data, settings.FREEAI_MAX_JSON_VALUES):
            raise ApiError(
                413,
                "What the request refers to is more than a request may hold: begin a new conversation.",
                code="request_too_large",
            )


def _answer_of(item_id: str) -> str | None:
    """The answer of which it names an item."""
    found = ITEM_ID.fullmatch(item_id)
    return f"{PREFIX}{found[1]}" if found else None
