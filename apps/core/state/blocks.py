"""What is closed until a time, by whose word: spent quotas, refused keys, models that are gone. In the process, and in its journal.

`now` is an argument, UTC epoch seconds.
"""

from msgspec import Struct
from msgspec.structs import replace

from apps.core.state.contract import Block, Reason, Subject
from apps.core.state.journal import Journal
from apps.core.state.keys import belongs

REPEATS_WITHIN_S = 86_400.0
"""A growing block that comes so long after the last one of its row had ended begins anew."""

Shut = tuple[float, Reason | None, str]
"""Until when, why, and what people are told of it."""
OPEN: Shut = (0.0, None, "")


class _Repeat(Struct, frozen=True):
    """How long the last growing block of a row was to hold, and until when that is remembered."""

    length_s: float
    forget_at: float


class Blocks:
    """By scope, the longest that holds. A block that grows leaves its length behind (see `contract.Block.max_s`)."""

    def __init__(self, journal: Journal | None) -> None:
        self._journal = journal
        self._blocks: dict[str, Block] = {}
        self._repeats: dict[str, _Repeat] = {}

    def shut(self, subject: Subject, now: float) -> Shut:
        """The longer one of the subject's account and model; OPEN where there is none."""
        if not self._blocks:
            return OPEN
        longest: Block | None = None
        for scope in (subject.credential, subject.candidate):
            block = self._blocks.get(scope)
            if block is not None and block.until > now and (longest is None or block.until > longest.until):
                longest = block
        return OPEN if longest is None else (longest.until, longest.reason, longest.detail)

    def add(self, block: Block, now: float) -> None:
        """Let it hold, unless a longer one does."""
        if block.max_s:
            if self._holds_already(block, now):
                return
            block = self._grown(block, now)
        if self._keep(block) and self._journal is not None:
            self._journal.closed(block, now)

    def recall(self, now: float) -> None:
        """Take over what the process before left in the journal."""
        for block in self._journal.open(now) if self._journal is not None else ():
            self._keep(block)

    def lift(self, credential: str, before: float) -> None:
        """End what holds of an account and its models since earlier than `before`."""
        for scope, block in list(self._blocks.items()):
            if belongs(scope, credential) and block.since < before:
                del self._blocks[scope]
                if self._journal is not None:
                    self._journal.opened(scope)
        for scope in [scope for scope in self._repeats if belongs(scope, credential)]:
            if scope not in self._blocks:
                del self._repeats[scope]

    def end_row(self, scope: str) -> None:
        """What was closed works again."""
        if self._repeats:
            self._repeats.pop(scope, None)

    def rewind(self, now: float) -> None:
        """The clock went back to `now`: nothing has begun after it."""
        for scope, block in self._blocks.items():
            if block.since > now:
                self._blocks[scope] = replace(block, since=now, until=block.until - (block.since - now))

    def sweep(self, now: float) -> None:
        """Drop what has ended."""
        self._blocks = {scope: block for scope, block in self._blocks.items() if block.until > now}
        self._repeats = {scope: repeat for scope, repeat in self._repeats.items() if repeat.forget_at > now}

    def size(self) -> int:
        """Keys held in memory."""
        return len(self._blocks) + len(self._repeats)

    def close(self) -> None:
        """Let go of the journal."""
        if self._journal is not None:
            self._journal.close()

    def _holds_already(self, block: Block, now: float) -> bool:
        """Whether its row goes on: others were under way when it began, and say nothing new."""
        standing = self._blocks.get(block.scope)
        return standing is not None and standing.reason == block.reason and standing.until > now

    def _grown(self, block: Block, now: float) -> Block:
        last = self._repeats.get(block.scope)
        if last is None or last.forget_at <= now:
            return block
        return replace(block, until=now + min(2 * last.length_s, block.max_s))

    def _keep(self, block: Block) -> bool:
        if block.max_s:
            self._repeats[block.scope] = _Repeat(block.until - block.since, block.until + REPEATS_WITHIN_S)
        standing = self._blocks.get(block.scope)
        if standing is not None and block.until <= standing.until:
            return False
        self._blocks[block.scope] = block
        return True
