"""What refusals and probes taught of a limit, in a sentence: the evidence for a number that nobody declared. Pure."""

from apps.console.words import count, length
from apps.core.state.lesson import Lesson


def why(lesson: Lesson, now: float) -> str:
    """By which evidence the window allows what it allows, and when more is asked for."""
    ago = f"{length(now - lesson.at)} ago"
    if lesson.told:
        return f"A refusal said so, {ago}, when {count(lesson.used)} were used."
    if lesson.why == "probe":
        said = f"More was asked for and granted, {ago}, when {count(lesson.used)} were used."
    else:
        said = f"Refused when {count(lesson.used)} were used, {ago}."
    if lesson.probe_at > now:
        return f"{said} More is asked for in {length(lesson.probe_at - now)}."
    return f"{said} More is asked for with the next request that needs it."
