"""What is closed until a time, by whose word: spent quotas, refused keys, accounts without credit, models that are gone. In the process,
and in its journal.

`now` is an argument, UTC epoch seconds.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from apps.core.state.breaker import TRIAL_POLL_S, TRIAL_TIMEOUT_S
from apps.core.state.contract import Block, Health, Reason, Subject
from apps.core.state.journal import Journal
from apps.core.state.keys import belongs, provider_key, provider_of
from apps.core.state.lesson import Lesson

LONGEST_LEAD_S = 3600.0
MAX_WITNESSES = 32
BRIEF_S = 3.0
"""After a block that short nobody waits for what the first request finds out: that takes longer."""

Shut = tuple[float, Reason | None, str]
"""Until when, why, and what people are told of it."""
OPEN: Shut = (0.0, None, "")


class Row(Struct):
    """A scope that growing blocks close again and again: the last of them, and the request that tries whether it is over."""

    last: Block
    trial: str = ""
    trial_until: float = 0.0

    def lead_until(self) -> float:
        """Until when the trial is left to others than the candidates that were refused: one that nobody has asked yet tells more."""
        length = self.last.until - self.last.since
        return self.last.until + (min(length / 4, LONGEST_LEAD_S) if self.last.by else 0.0)

    def shut(self, subject: Subject, now: float) -> Shut:
        """Whether its trial is another's. What may be tried still says what it was closed for."""
        last = self.last
        if self.trial and now < self.trial_until and last.until - last.since > BRIEF_S:
            return min(now + TRIAL_POLL_S, self.trial_until), "half_open", last.detail
        if subject.candidate in last.by and now < (lead_until := self.lead_until()):
            return lead_until, last.reason, last.detail
        return 0.0, None, last.detail if now < last.remembered_until else ""


class Blocks:
    """By scope, the longest that holds. A block that grows leaves its row behind (see `contract.Block.max_s`)."""

    def __init__(self, journal: Journal | None) -> None:
        self._journal = journal
        self._blocks: dict[str, Block] = {}
        self._rows: dict[str, Row] = {}
        self._services: set[str] = set()  # the scopes of whole providers, of which there is hardly ever one

    @property
    def blocks(self) -> dict[str, Block]:
        """By scope, for a store that keeps them elsewhere too."""
        return self._blocks

    @property
    def rows(self) -> dict[str, Row]:
        """Those of growing blocks, likewise."""
        return self._rows

    @property
    def services(self) -> set[str]:
        """The scopes of whole providers among them."""
        return self._services

    def shut(self, subject: Subject, now: float) -> Shut:
        """The longest one of the subject's account, model and provider; OPEN where there is none, and nothing to tell of one."""
        blocks, rows = self._blocks, self._rows
        if not blocks and not rows:
            return OPEN
        longest = OPEN
        scopes = self._scopes(subject) if self._services else (subject.credential, subject.candidate)
        for scope in scopes:
            if (block := blocks.get(scope)) is not None and block.until > now:
                shut: Shut = (block.until, block.reason, block.detail)
            elif (row := rows.get(scope)) is not None:
                shut = row.shut(subject, now)
            else:
                continue
            if shut[0] > longest[0] or longest is OPEN:
                longest = shut
        return longest

    def add(self, block: Block, now: float) -> None:
        """Let it hold, unless a longer one does."""
        if block.max_s:
            block = self._narrowed(block, now)
            if self._holds_already(block, now):
                return
            block = self._grown(block, now)
        if self._keep(block) and self._journal is not None:
            self._journal.closed(block, now)

    def recall(self, now: float) -> list[Lesson]:
        """Take over what the process before left in the journal. Returns what it had learnt of windows."""
        blocks, lessons = self._journal.open(now) if self._journal is not None else ([], [])
        for block in blocks:
            self._keep(block)
        return lessons

    def write_down(self, lessons: Iterable[Lesson], now: float) -> None:
        """What was learnt is to outlive the process."""
        if self._journal is not None:
            for lesson in lessons:
                self._journal.learnt(lesson, now)

    def forget_lesson(self, key: str) -> None:
        """Nothing is known of the window any more."""
        if self._journal is not None:
            self._journal.opened(key)

    def lift(self, owner: str, before: float) -> None:
        """End what holds since earlier than `before` of an account, its models and its provider, or of all accounts of a provider."""
        service = provider_key(provider_of(owner))
        for scope, block in list(self._blocks.items()):
            if (belongs(scope, owner) or scope == service) and block.since < before:
                del self._blocks[scope]
                self._open_again(scope)
        for scope in [scope for scope in self._rows if belongs(scope, owner) or scope == service]:
            if scope not in self._blocks:
                del self._rows[scope]
                self._open_again(scope)

    def begin(self, subject: Subject, attempt: str, now: float) -> Reason | None:
        """A request that `shut` does not stop goes out: the trial of all that ended and was not proved to be over. Returns what the
        widest of them was closed for, None if it is no trial."""
        tries: Reason | None = None
        if self._rows:
            for scope in self._scopes(subject):
                row = self._rows.get(scope)
                if row is not None and now < row.last.remembered_until:
                    row.trial, row.trial_until = attempt, now + TRIAL_TIMEOUT_S
                    tries = tries or row.last.reason
        return tries

    def ended(self, subject: Subject, attempt: str, began: float, health: Health, now: float) -> None:
        """The request ended that began at `began`. Its success ends the rows of what was closed before that."""
        if not self._rows:
            return
        for scope in self._scopes(subject):
            row = self._rows.get(scope)
            if row is None:
                continue
            if health == "success" and began >= row.last.since:
                self._end_row(scope, subject, now)
            elif row.trial == attempt:
                row.trial = ""

    def rewind(self, now: float) -> None:
        """The clock went back to `now`: nothing has begun after it."""
        for scope, block in self._blocks.items():
            self._blocks[scope] = _rewound(block, now)
        for row in self._rows.values():
            row.last = _rewound(row.last, now)
            row.trial_until = min(row.trial_until, now + TRIAL_TIMEOUT_S)

    def sweep(self, now: float) -> None:
        """Drop what has ended."""
        self._blocks = {scope: block for scope, block in self._blocks.items() if block.until > now}
        self._rows = {scope: row for scope, row in self._rows.items() if row.last.remembered_until > now}
        self._services &= self._blocks.keys() | self._rows.keys()

    def size(self) -> int:
        """Keys held in memory."""
        return len(self._blocks) + len(self._rows)

    def close(self) -> None:
        """Let go of the journal."""
        if self._journal is not None:
            self._journal.close()

    def _scopes(self, subject: Subject) -> tuple[str, ...]:
        """The widest first."""
        if self._services and (service := provider_key(provider_of(subject.credential))) in self._services:
            return service, subject.credential, subject.candidate
        return subject.credential, subject.candidate

    def _narrowed(self, block: Block, now: float) -> Block:
        """The block of an account, as that of the one candidate that was refused where another has disproved it before."""
        row = self._rows.get(block.by[0]) if len(block.by) == 1 else None
        if row is None or row.last.reason != block.reason or row.last.remembered_until <= now:
            return block
        return replace(block, scope=block.by[0], by=())

    def _holds_already(self, block: Block, now: float) -> bool:
        """Whether its row goes on: others were under way when it began, and say nothing new but that they were refused as well."""
        standing = self._blocks.get(block.scope)
        if standing is None or standing.reason != block.reason or standing.until <= now:
            return False
        if (row := self._rows.get(block.scope)) is not None and block.by:
            row.last = replace(row.last, by=_witnesses(row.last, block))
        return True

    def _grown(self, block: Block, now: float) -> Block:
        row = self._rows.get(block.scope)
        if row is None or row.last.remembered_until <= now or row.last.reason != block.reason:
            return block
        length = row.last.until - row.last.since
        return replace(block, until=now + min(2 * length, block.max_s), by=_witnesses(row.last, block))

    def _keep(self, block: Block) -> bool:
        if block.max_s:
            self._rows[block.scope] = Row(block)
        if block.scope == provider_key(provider_of(block.scope)):
            self._services.add(block.scope)
        standing = self._blocks.get(block.scope)
        if standing is not None and block.until <= standing.until:
            return False
        self._blocks[block.scope] = block
        return True

    def _end_row(self, scope: str, subject: Subject, now: float) -> None:
        """What was closed works again. Where a candidate shows that the account was not to be closed, those that were refused stay so."""
        last = self._rows.pop(scope).last
        if (block := self._blocks.get(scope)) is not None and block.until <= now:
            del self._blocks[scope]
        self._open_again(scope)
        for candidate in last.by:
            if candidate != subject.candidate:
                own = replace(last, scope=candidate, since=now, until=now + last.until - last.since, by=())
                self.add(own, now)

    def _open_again(self, scope: str) -> None:
        if self._journal is not None and scope not in self._blocks:
            self._journal.opened(scope)


def _witnesses(last: Block, block: Block) -> tuple[str, ...]:
    """All candidates that were refused in one row, no more than it may hold."""
    return tuple(dict.fromkeys((*last.by, *block.by)))[:MAX_WITNESSES]


def _rewound(block: Block, now: float) -> Block:
    if block.since <= now:
        return block
    return replace(block, since=now, until=block.until - (block.since - now))
