"""A whole message in the attempt loop."""

from apps.gateway.answering.operation import ChatWhole
from apps.gateway.endpoints.messages.wire.response import CUT, blocks_of
from apps.providers.types import ChatResult


class MessageWhole(ChatWhole):
    """As a chat completion. Inputs of tools are objects here: an answer whose arguments are none is left to the next candidate."""

    def judged(self, result: ChatResult) -> ChatResult:
        result = super().judged(result)
        choice = result.choices[0]
        blocks_of(choice["message"], None, is_cut=choice.get("finish_reason") == CUT)
        return result
