"""Whose answers nothing is kept of."""


class Nothing:
    """A memory that holds nothing."""

    def conversation(self, response_id: str) -> None:
        return None

    def item(self, item_id: str) -> None:
        return None

    def packed(self, conversation: object) -> None:
        return None

    def opened(self, token: object) -> None:
        return None
