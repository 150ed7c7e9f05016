"""How many may hold something open at a time: pages that watch, answers that stream. Of one process; on the event loop alone."""

from collections import Counter


class Seats:
    """At most `most` of them, `most_each` for one user."""

    def __init__(self, most: int, most_each: int) -> None:
        self.most = most
        self.most_each = most_each
        self.taken: Counter[int] = Counter()

    def take(self, user_id: int) -> bool:
        """Whether there was one; then it is the caller's to give back."""
        if self.taken[user_id] >= self.most_each or self.taken.total() >= self.most:
            self.taken += Counter()  # forgets those who have none
            return False
        self.taken[user_id] += 1
        return True

    def give_back(self, user_id: int) -> None:
        """One that was taken."""
        self.taken.subtract({user_id: 1})
        self.taken += Counter()
