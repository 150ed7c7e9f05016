"""Whether it is the account that is full, where models of it are refused and no limit of theirs explains it. Pure but for its memory."""

from typing import Final

from apps.core.state.contract import Subject

MOST: Final = 20_000
MODELS: Final = 3
"""That many in a row."""
FADING: Final = 0.9
"""With each success of the account."""
LEAST: Final = 0.1
BY_CHANCE: Final = 0.5
"""So much of a doubt is a refusal that a full window of the model explains: all of them may be full at once."""
NOTHING: Final = (0.0, "")


class Doubts:
    """By account: how many of its models were refused in a row, and the last of them."""

    def __init__(self) -> None:
        self._by_account: dict[str, tuple[float, str]] = {}

    def add(self, subject: Subject, weight: float = 1.0) -> None:
        """It was refused; the same model again says nothing new."""
        score, last = self._by_account.get(subject.credential, NOTHING)
        if subject.candidate != last and len(self._by_account) < MOST:
            self._by_account[subject.credential] = score + weight, subject.candidate

    def fade(self, account: str) -> None:
        """A request there succeeded."""
        if self._by_account and account in self._by_account:
            score, last = self._by_account.pop(account)
            if score > LEAST:
                self._by_account[account] = score * FADING, last

    def of(self, account: str) -> tuple[float, str] | None:
        """What is known of it, for a store that keeps it elsewhere too."""
        return self._by_account.get(account)

    def recall(self, account: str, known: tuple[float, str] | None) -> None:
        """What another process knows of it."""
        if known is not None:
            self._by_account[account] = known
        else:
            self._by_account.pop(account, None)

    def is_account(self, account: str) -> bool:
        """Whether it is all of it."""
        return self._by_account.get(account, NOTHING)[0] >= MODELS
