"""Telling reasoning from answer where a model writes `<think>…</think>` into its content."""

from enum import Enum, auto

from apps.providers.adapters.shared.bounds import MOST_HELD

OPENING = "<think>"
CLOSING = "</think>"


class State(Enum):
    START = auto()
    THINKING = auto()
    AFTER = auto()
    ANSWER = auto()


class ThinkSplitter:
    """Splits one choice's content, fed in any pieces; the pieces do not change the result.

    Only an answer that begins with the tag is split: one that mentions it later talks about it. `opened`: the
    prompt template has opened the tag already, so that the text begins as reasoning and only the closing tag
    is sent.
    """

    __slots__ = ("_held", "_opened", "_state")

    def __init__(self, opened: bool = False) -> None:
        self._opened = opened
        self._state = State.START
        self._held = ""

    @property
    def passes(self) -> bool:
        """Whether all further text is answer: there is nothing left to split."""
        return self._state is State.ANSWER

    def feed(self, text: str) -> tuple[str, str]:
        """(reasoning, answer) that `text` makes certain."""
        if self._state is State.ANSWER or not text:
            return "", text
        text = self._held + text
        self._held = ""
        if self._state is State.START:
            text = self._start(text)
        reasoning = ""
        if self._state is State.THINKING:
            reasoning, text = self._think(text)
        if self._state is State.AFTER:
            text = text.lstrip()
            if text:
                self._state = State.ANSWER
        return reasoning, text

    def flush(self) -> tuple[str, str]:
        """(reasoning, answer) held back in case a tag was coming."""
        held, self._held = self._held, ""
        return (held, "") if self._state is State.THINKING else ("", held)

    def _start(self, text: str) -> str:
        """What is left of `text` once it is known what the answer begins with; "", and held, until then."""
        begun = text.lstrip()
        if begun.startswith(OPENING):
            self._state = State.THINKING
            return begun[len(OPENING) :]
        if OPENING.startswith(begun) and len(text) <= MOST_HELD:
            self._held = text
            return ""
        self._state = State.THINKING if self._opened else State.ANSWER
        return text

    def _think(self, text: str) -> tuple[str, str]:
        """(reasoning, what follows the closing tag). A tail that may become the tag is held back."""
        reasoning, tag, rest = text.partition(CLOSING)
        if tag:
            self._state = State.AFTER
            return reasoning, rest
        for size in range(min(len(CLOSING) - 1, len(text)), 0, -1):
            if CLOSING.startswith(text[-size:]):
                self._held = text[-size:]
                return text[:-size], ""
        return text, ""
