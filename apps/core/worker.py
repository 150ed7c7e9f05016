"""Which of the web processes of one `serve` this is: what tells them apart in logs and metrics."""

_number = 0


def number() -> int:
    """From 1 on. 0 for a process that serves alone, for the parent of several, and for what serves nothing."""
    return _number


def become(number: int) -> None:
    """Be this one from now on. No two that live have the same; who follows one that died may have its number."""
    global _number
    _number = number


def is_first() -> bool:
    """Whether what one process does for all is this one's to do."""
    return _number <= 1
