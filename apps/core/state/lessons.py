"""What refusals teach of windows, and what asking for more does: the limits that hold, where they are not those that are declared.

A limit of the catalogue is a prior. A refusal far below it cuts it to what was used; one near it does so when it comes again. When a
window alone is in the way and is full beyond doubt, now and then one request goes beyond it: what is granted raises the limit by growing
steps, what is refused is not asked for again for a while. Pure but for its memory; `now` is an argument, UTC epoch seconds.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from apps.core.state.asking import Asking
from apps.core.state.contract import Completion, Reading, Subject, Window
from apps.core.state.counters.counter import Counter
from apps.core.state.doubts import Doubts
from apps.core.state.keys import account_of, belongs, parse_window_key
from apps.core.state.lesson import Lesson
from apps.core.state.periods import SECOND, seconds
from apps.core.state.suspects import LEAST_OF_TOLD, MOST_OF_TOLD, SUSPECT_SHARE, Suspect, may_grow

MOST: Final = 20_000
KEPT_S: Final = 30 * 86_400.0
"""What nothing has confirmed for so long says nothing any more."""
NEAR_REQUESTS: Final = 1.6
NEAR_CLAIMS: Final = 1.5
"""So near its limit a window may have been full there by chance."""
NOTED_SPANS: Final = 3
NO_LESS: Final = 1.1
"""A refusal at less than what was granted not long ago, by more than counts are off, contradicts it: alone it proves nothing."""
SAME_COUNT: Final = 0.25
"""Two refusals whose counts differ by no more than this share are of one limit."""
CONTRADICTIONS: Final = 3
"""So many in a row are somebody else who takes of it, wherever they came."""
BUCKET_CUT: Final = 0.87
BUCKET_REFUSALS: Final = 3
BUCKET_GRANTS: Final = 3
SECOND_GRANTS: Final = 3
"""In a row: the request before may have been refused itself, or have arrived late."""
GROWTH: Final = 1.6
MOST_STEP: Final = 0.25
"""Of a limit, in one step."""
WAY_BACK: Final = 0.25
"""Of the way from a cut limit to the declared one, or to what was granted, in one step."""
CONTRADICTED_PAUSE: Final = 0.25
"""Of the usual pause, where a limit was cut below what had been granted."""
NEXT_PROBE: Final = 0.1
"""Of a span after a grant."""
LONGEST_NEXT_S: Final = 24.0
"""After a grant: what it added has to be used up before there is a reason to ask again."""
LONGEST_PAUSE_S: Final = 900.0
SPAN_OF_SECOND_S: Final = 240.0
"""What asking for more of a second goes by: nobody asks each second."""
MOST_DOUBLINGS: Final = 6
MOST_DOUBLINGS_OF_CUT: Final = 3
LONGEST_EVER_S: Final = 6 * 3600.0


Found = Literal["clock", "level", ""]
"""What a refusal was, where it is no limit: clocks that differ, for it has just begun and hardly anything was used; or the level of a
bucket, which was moved and says by itself when there is room, for whatever size."""


class Lessons:
    """Of all windows. `changed`: those to be written down."""

    def __init__(self) -> None:
        self._by_key: dict[str, Lesson] = {}
        self.asking = Asking()
        self.doubts = Doubts()
        self.changed: list[Lesson] = []

    def of(self, key: str) -> Lesson | None:
        """What is known of a window."""
        return self._by_key.get(key)

    def size(self) -> int:
        """Keys held in memory."""
        return len(self._by_key) + self.asking.size()

    def refused(
        self, found: Suspect, completion: Completion, sent_at: float, now: float, wait_s: float = 0.0
    ) -> Found:
        """The upstream found it full, and said to come back in `wait_s`, 0 where it did not. What was sent before the last refusal says
        nothing new. Returns what it was, as far as that matters to others."""
        window, counter, used = found.window, found.counter, found.used
        lesson = self.begun(window, counter, now)
        if lesson is None:
            return ""
        if counter.is_at_edge(now) and 2 * used < max(lesson.limit, counter.granted(now)):
            return "clock"
        limit = completion.told or lesson.limit
        is_level = (
            window.kind == "bucket" and limit > 0 and (completion.told > 0 or used >= limit * SUSPECT_SHARE)
        )
        if sent_at > lesson.noted_at:
            self._learn(lesson, found, completion, wait_s, now, is_level=is_level)
        return "level" if is_level and completion.named and wait_s else ""

    def may_probe(self, window: Window, counter: Counter, now: float) -> bool:
        """Whether one request may go beyond a window that alone is in the way. None does while another one is out."""
        if window.own or window.certain or not may_grow(window) or self.asking.is_asked(window.key):
            return False
        lesson = counter.learnt
        is_free = lesson is not None and lesson.is_cut  # whoever took the rest may be gone
        if counter.cap is not None or not (is_free or self.asking.may_spend):
            return False
        if lesson is not None and (_is_all(lesson) or now < lesson.probe_at):
            return False
        return counter.surely_full(window.limit if lesson is None else lesson.limit_of(window), now)

    def granted(self, window: Window, counter: Counter, amount: int, now: float) -> None:
        """A probe succeeded."""
        lesson = self.begun(window, counter, now)
        if lesson is None:
            return
        self.asking.granted()
        limit, span_s = lesson.limit, span_of(window)
        lesson.refusals = 0
        lesson.probe_at = now + min(NEXT_PROBE * span_s, LONGEST_NEXT_S)
        if window.period == SECOND:
            lesson.noted -= 1
            if lesson.noted > -SECOND_GRANTS:
                return
            lesson.noted = 0
        elif window.kind == "bucket" and not self._is_proved(lesson, span_s, now):
            counter.correct(-amount, now)
            return
        least = max(1.0, float(amount), (lesson.once - limit) * WAY_BACK)
        step = min(max(least, lesson.step * GROWTH), max(least, limit * MOST_STEP))
        lesson.step = step
        more = limit + round(step)
        self.teach(lesson, min(more, lesson.ceiling or more), counter.used, lesson.named, now, why="probe")

    def probe_refused(self, window: Window, counter: Counter, now: float) -> None:
        """What was asked for beyond the limit is not there: it is not asked for again for a while."""
        lesson = self.begun(window, counter, now)
        self.asking.refused()
        if lesson is not None:
            lesson.refusals += 1
            lesson.noted = max(lesson.noted, 0)
            lesson.step = 0.0
            lesson.probe_at = now + pause_s(lesson, span_of(window))
            self.changed.append(lesson)

    def unexplained(self, subject: Subject, suspects: Sequence[Suspect]) -> Suspect | None:
        """What was full where no limit that is known explains it: the minute of the model, or that of the account, once several models
        in a row were refused so."""
        self.doubts.add(subject)
        is_account = self.doubts.is_account(subject.credential)
        scope = subject.credential if is_account else subject.candidate
        counted = (one for one in suspects if one.window.metric == "requests" and not one.limit)
        found = next((one for one in counted if one.window.scope == scope), None)
        if found is not None and is_account:
            self._clear_models(subject.credential)
        return found

    def succeeded(self, credential: str) -> None:
        """Some request did: there is a little more to probe with, and less to explain."""
        self.doubts.fade(credential)
        self.asking.succeeded()

    def recall(self, lessons: Iterable[Lesson]) -> None:
        """Take over what the process before knew."""
        self._by_key |= {lesson.key: lesson for lesson in lessons}

    def learn_of(self, key: str, lesson: Lesson | None) -> None:
        """What another process knows of a window; None for nothing."""
        if lesson is not None:
            self._by_key[key] = lesson
        else:
            self._by_key.pop(key, None)

    def items(self) -> Iterable[tuple[str, Lesson]]:
        """All that is known, by the key of the window."""
        return list(self._by_key.items())

    def forget(self, owner: str, before: float) -> list[str]:
        """Drop what was taught earlier than `before` of an account, or of all of a provider. Returns the keys of the windows."""
        forgotten = [
            key
            for key, lesson in self._by_key.items()
            if lesson.at < before and _is_of(parse_window_key(key).scope, owner)
        ]
        for key in forgotten:
            del self._by_key[key]
        return forgotten

    def rewind(self, now: float) -> None:
        """The clock went back to `now`: nothing is later than that."""
        for lesson in self._by_key.values():
            lesson.at, lesson.noted_at = min(lesson.at, now), min(lesson.noted_at, now)
            lesson.probe_at = min(lesson.probe_at, now + LONGEST_EVER_S)

    def sweep(self, now: float) -> None:
        """Drop what has been true for long enough to be asked anew."""
        self._by_key = {key: lesson for key, lesson in self._by_key.items() if is_kept(lesson, now)}

    def begun(self, window: Window, counter: Counter, now: float) -> Lesson | None:
        """That of the window as it is declared now; None where there are too many."""
        lesson = self._by_key.get(window.key)
        if lesson is None or lesson.declared != window.limit:
            if lesson is None and len(self._by_key) >= MOST:
                return None
            lesson = self._by_key[window.key] = Lesson(window.key, window.limit, window.limit, now)
        counter.learnt = lesson
        return lesson

    def teach(
        self, lesson: Lesson, limit: int, used: int, named: bool, now: float, why: str = "refused"
    ) -> None:
        """The window admits `limit` from now on; `used`, `named` and `why` as lessons have them."""
        lesson.limit, lesson.used, lesson.named, lesson.at, lesson.why = limit, used, named, now, why
        self.changed.append(lesson)

    def _learn(
        self,
        lesson: Lesson,
        found: Suspect,
        completion: Completion,
        wait_s: float,
        now: float,
        *,
        is_level: bool,
    ) -> None:
        """What a refusal says of the limit, and of a bucket's level."""
        window, counter, needed, used, _ = found
        named, told, span_s = completion.named, completion.told, span_of(window)
        if now - lesson.noted_at > NOTED_SPANS * span_s:
            lesson.noted = 0
        lesson.noted, lesson.noted_at = lesson.noted + 1, now
        self.changed.append(lesson)
        if told and not is_level and _is_contradicted(lesson, found, told, now):
            return
        if told and (
            told != lesson.ceiling or told < lesson.limit
        ):  # said again it is no reason to believe more than is granted
            self.teach(lesson, told, used, named, now)
            lesson.granted = 0
        lesson.told, lesson.ceiling = bool(told), told
        if not is_level and _is_contradicted(lesson, found, 0, now):
            lesson.noted_used = used
            return
        limit = lesson.limit
        lesson.refusals += 1
        lesson.step = 0.0
        if is_level:
            missing = min(needed, wait_s * limit / span_s) if wait_s else needed / 2
            counter.deny(limit - needed + missing + counter.used - used, lesson.noted > 1)
            if lesson.noted >= BUCKET_REFUSALS and not told:
                self.teach(lesson, max(1, round(limit * BUCKET_CUT)), used, named, now)
        elif told:
            most = limit if lesson.noted > 1 else LEAST_OF_TOLD * limit
            if 0 < used < most:  # somebody else takes of it
                lesson.granted = counter.granted(now)
                self.teach(lesson, used, used, named, now)
        else:
            self._cut(lesson, found, limit, named, now)
        lesson.probe_at = max(lesson.probe_at, now + pause_s(lesson, span_s))

    def _cut(self, lesson: Lesson, found: Suspect, limit: int, named: bool, now: float) -> None:
        """Far below its limit at once, near it when it comes again."""
        far = named if not limit else not _is_near(found.window, found.used, found.needed, limit)
        if lesson.noted > 1 or far:
            if not limit or found.used < limit:
                lesson.granted = found.counter.granted(now)
                self.teach(lesson, max(1, found.used), found.used, named, now)
            lesson.noted = 0

    def _clear_models(self, credential: str) -> None:
        """What models of which nothing is declared were taught, it was the account."""
        for key, lesson in self._by_key.items():
            scope = parse_window_key(key).scope
            if not lesson.declared and scope != credential and belongs(scope, credential):
                lesson.limit = 0

    def _is_proved(self, lesson: Lesson, span_s: float, now: float) -> bool:
        """A bucket may have had more than was known, once or twice."""
        if now - lesson.noted_at > NOTED_SPANS * span_s:
            lesson.noted = 0
        lesson.noted, lesson.noted_at = lesson.noted - 1, now
        if lesson.noted > -BUCKET_GRANTS:
            return False
        lesson.noted = 0
        return True


def is_disproved(reading: Reading, told: int) -> bool:
    """Whether the upstream granted more not long ago than it `told` that it allows, and has not said so often enough to be believed."""
    lesson = reading.lesson
    is_believed = lesson is not None and lesson.told and lesson.ceiling == told
    return not is_believed and told * NO_LESS < reading.granted


def is_kept(lesson: Lesson, now: float) -> bool:
    """Whether it is worth remembering."""
    return now - lesson.at < KEPT_S


def _is_near(window: Window, used: int, amount: int, limit: int) -> bool:
    return used + (NEAR_REQUESTS if window.metric == "requests" else NEAR_CLAIMS * amount) >= limit


def _is_contradicted(lesson: Lesson, found: Suspect, told: int, now: float) -> bool:
    """Whether the upstream granted more not long ago than it says that it allows (`told`) or, where it says nothing, than was used now; and
    the last refusal was not at about the same."""
    if (told or found.used) * NO_LESS >= found.counter.granted(now):
        return False
    if told:
        return found.used > MOST_OF_TOLD * told or lesson.noted <= 1
    is_same = abs(found.used - lesson.noted_used) <= max(NEAR_REQUESTS, SAME_COUNT * lesson.noted_used)
    return not (lesson.noted > 1 and is_same) and lesson.noted < CONTRADICTIONS


def _is_all(lesson: Lesson) -> bool:
    """Whether the upstream said that it allows no more."""
    return lesson.told and lesson.limit >= lesson.ceiling


def pause_s(lesson: Lesson, span_s: float) -> float:
    """Until more is asked for again."""
    doublings = min(lesson.refusals, MOST_DOUBLINGS_OF_CUT if lesson.is_cut else MOST_DOUBLINGS)
    is_recent = lesson.refusals <= MOST_DOUBLINGS_OF_CUT  # asked for in vain more often, it was another time
    is_contradicted = 0 < lesson.limit * NO_LESS < lesson.granted
    share = CONTRADICTED_PAUSE if is_contradicted and is_recent else 1.0
    return min(LONGEST_EVER_S, share * min(span_s, LONGEST_PAUSE_S) * 2.0**doublings)


def span_of(window: Window) -> float:
    """What asking for more goes by."""
    return SPAN_OF_SECOND_S if window.period == SECOND else float(seconds(window.period))


def _is_of(scope: str, owner: str) -> bool:
    """Whether the scope of a window is of the account `owner` or, where that is a provider, of any there; groups included."""
    return belongs(account_of(scope), owner)
