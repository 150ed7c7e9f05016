"""What refusals teach of windows of a second: how far apart requests are to be, and whose second it is where nobody declared one."""

from typing import Final

from apps.core.state.keys import belongs, parse_window_key
from apps.core.state.lessons import Lessons, pause_s, span_of
from apps.core.state.periods import SECOND
from apps.core.state.suspects import Suspect

SURELY_MORE: Final = 1.25
"""Times, and one: some requests of one second here may be of two seconds there."""

FAR_APART_S: Final = 2.0
"""Requests that are no nearer do not stand in each other's way in a second."""
WAYS_DIFFER_S: Final = 0.2
"""Requests to which so much more than a second was left were not too near each other, however long their ways were."""


def spaced(lessons: Lessons, found: Suspect, sent_at: float, now: float) -> bool:
    """Whether requests are to be apart there, as far as is known: it widens what they are apart. That of which nothing is declared was
    not it, where one is refused that came long after the one before."""
    window, counter = found.window, found.counter
    lesson = counter.learnt
    if not found.limit:
        return False
    within, apart_s = counter.beside(sent_at, found.needed)
    if lesson is not None and lesson.why and sent_at <= lesson.at:  # it went out before that was learnt
        if not window.limit and within < lesson.limit and _is_possible(found, within):
            lessons.teach(lesson, within, within, False, now)
        return True
    if lesson is not None and not window.limit and apart_s > FAR_APART_S:
        lessons.teach(lesson, 0, 0, False, now)
        return False
    counter.refused()
    if counter.is_wide():
        _take_back(lessons, found, now)
    return True


def spaced_by_account(lessons: Lessons, model: Suspect, account: Suspect, sent_at: float, now: float) -> bool:
    """Whether it is the account whose requests are to be apart, where those of a model are by what was guessed, were far enough apart,
    and one was refused all the same beside another model's."""
    lesson = model.counter.learnt
    if lesson is None or not lesson.limit or model.window.limit or account.limit or sent_at <= lesson.at:
        return False
    if model.counter.beside(sent_at, model.needed)[0] or model.counter.least_apart_s < WAYS_DIFFER_S:
        return False
    if not guess(lessons, account, sent_at, now):
        return False
    for key, other in lessons.items():
        is_guess = parse_window_key(key).span.period == SECOND and other.limit and not other.declared
        if (
            is_guess
            and key != account.window.key
            and belongs(parse_window_key(key).scope, account.window.scope)
        ):
            lessons.teach(other, 0, 0, False, now)
    return True


def guess(lessons: Lessons, found: Suspect, sent_at: float, now: float) -> bool:
    """Whether one that nothing else explains was refused because others had just gone out. Then no more than those may, where not many more
    were granted in a second of the last minute."""
    window, counter = found.window, found.counter
    within, _ = counter.beside(sent_at, found.needed)
    lesson = lessons.begun(window, counter, now) if _is_possible(found, within) else None
    if lesson is None:
        return False
    counter.begin_anew()
    lesson.probe_at = now + pause_s(lesson, span_of(window))
    lessons.teach(lesson, within, within, False, now)
    return True


def _is_possible(found: Suspect, within: int) -> bool:
    """Whether no more than `within` may go out in a second, by what was granted in one."""
    return within > 0 and found.at_once <= SURELY_MORE * within + 1


def _take_back(lessons: Lessons, found: Suspect, now: float) -> None:
    """Refused again and again: it admits one less than was granted beyond what is declared; half of what was guessed, where nothing is
    declared, or nothing was to be guessed where more than that half was granted at once."""
    window, counter = found.window, found.counter
    lesson = counter.learnt
    if lesson is not None and lesson.limit > max(lesson.declared, 1):
        lesson.refusals += 1
        lesson.probe_at = now + pause_s(lesson, span_of(window))
        less = lesson.limit - 1 if lesson.declared else lesson.limit // 2
        if not lesson.declared and not _is_possible(found, less):
            less = 0
        lessons.teach(lesson, less, counter.used, lesson.named, now)
        counter.begin_anew()
