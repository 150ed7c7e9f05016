"""Transcriptions, and translations of speech, in the attempt loop: one upload, one upstream call."""

from functools import partial

from apps.core.aside import aside
from apps.core.state.contract import Amounts
from apps.gateway.attempts.answers import most_text, whole
from apps.gateway.attempts.counting import Counted, true_usage
from apps.gateway.attempts.settlement import Attempt
from apps.providers.adapters import transcription
from apps.providers.adapters.transcription import codec_for
from apps.providers.audio_length import audio_seconds, heard_seconds
from apps.providers.claims import Expected, Size, claim
from apps.providers.demands.transcription import Transcript, TranscriptionRequest
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer, Task, UpstreamRequest, Usage
from apps.providers.upstream import UpstreamResponse
from apps.strategies.ranking import Excluded


class Transcription:
    """The operation."""

    keeps_part = False

    def __init__(self, demand: TranscriptionRequest) -> None:
        self.demand = demand
        self.task: Task = "translation" if demand.into_english else "transcription"

    def why_unfit(self, offer: Offer) -> Excluded | None:
        """Why the offer's wire cannot carry the file."""
        misfit = transcription.why_unfit(self.demand, offer)
        if misfit is None:
            return None
        reason = "too_large" if misfit.too_large else "incapable"
        return Excluded(offer, reason, f"{offer.provider} {misfit.detail}")

    def dropped(self, offer: Offer) -> tuple[str, ...]:
        return transcription.dropped(self.demand, offer)

    def calls(self, offer: Offer) -> tuple["Upload"]:
        return (Upload(self.demand, offer),)

    def join(self, answers: list[Transcript]) -> Transcript:
        return answers[0]


class Upload:
    """The upstream call. Most upstreams bill audio by the second, so it takes nothing from token quotas there."""

    def __init__(self, request: TranscriptionRequest, offer: Offer) -> None:
        self._request = request
        self._counts_tokens = offer.preset.transcription.counts_tokens
        self.prompt_tokens = request.prompt_tokens if self._counts_tokens else 0

    def claim(self, offer: Offer, expected: Expected) -> Amounts:
        seconds = audio_seconds(self._request.audio) if "audio_seconds" in offer.counts else 0
        answer = None if self._counts_tokens else 0
        size = Size(
            prompt_tokens=expected.prompt_tokens,
            max_tokens=answer,
            audio_seconds=seconds,
            usual=expected.answer_tokens,
        )
        return claim(offer, size)

    async def build(self, offer: Offer) -> UpstreamRequest:
        return await aside(offer.user_id, partial(codec_for(offer).build, self._request, offer))

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> Transcript:
        offer = attempt.offer
        transcript = await whole(
            response, most_text(), offer, lambda body: codec_for(offer).parse(body, offer)
        )
        self._judge(transcript)
        heard = heard_seconds(transcript.duration_s, self._request.audio)
        await attempt.succeed(self._usage(attempt, transcript), heard)
        return transcript

    def _usage(self, attempt: Attempt, transcript: Transcript) -> Usage:
        if self._counts_tokens or transcript.usage is not None:
            return true_usage(
                attempt, transcript.usage, Counted(characters=len(transcript.text), images=None)
            )
        return Usage(0, 0, estimated=True)

    def _judge(self, transcript: Transcript) -> None:
        """A transcript must have the times that were asked for, unless nothing was said. Raises UpstreamError(PARSING)."""
        if not transcript.text.strip():
            return
        needs = self._request.needs
        if ("segments" in needs and not transcript.segments) or ("words" in needs and not transcript.words):
            raise UpstreamError(
                ErrorKind.PARSING, "the upstream's transcript lacks the times that were asked for"
            )
