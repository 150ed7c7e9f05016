"""Speech in the attempt loop: one upstream call, or several for a text that is longer than the candidate takes."""

from collections.abc import Sequence
from math import ceil

from apps.gateway.attempts.answers import most_media
from apps.gateway.attempts.one_call import OneCall
from apps.providers.adapters import speech
from apps.providers.adapters.shared.spoken import joined
from apps.providers.claims import Size
from apps.providers.demands.speech import Speech, SpeechRequest
from apps.providers.types import Offer, Task
from apps.strategies.ranking import Excluded

Call = OneCall[SpeechRequest, Speech]
CHARS_A_PRICE = 1_000


class Speak:
    """The operation."""

    task: Task = "speech"
    keeps_part = False

    def __init__(self, demand: SpeechRequest) -> None:
        self.demand = demand

    def why_unfit(self, offer: Offer) -> Excluded | None:
        """Why the offer's wire cannot carry the request."""
        reason = speech.why_unfit(self.demand, offer)
        return Excluded(offer, "incapable", f"{offer.provider} {reason}") if reason else None

    def dropped(self, offer: Offer) -> tuple[str, ...]:
        return speech.dropped(self.demand, offer)

    def calls(self, offer: Offer) -> Sequence[Call]:
        return [
            OneCall(part, speech.codec_for, _size(part, offer), most=most_media())
            for part in speech.split(self.demand, offer)
        ]

    def join(self, answers: list[Speech]) -> Speech:
        return joined(answers)


def _size(part: SpeechRequest, offer: Offer) -> Size:
    wire = offer.preset.speech
    tokens = part.prompt_tokens if wire.counts_tokens else 0
    neurons = ceil(len(part.text) * wire.neurons / CHARS_A_PRICE)
    return Size(prompt_tokens=tokens, max_tokens=0, neurons=neurons)
