"""The one guard around hostile data: whatever an upstream's answer provokes ends the attempt, never the request."""

import structlog

from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer

log = structlog.get_logger("freeai.gateway")


def as_upstream_error(error: Exception, offer: Offer) -> UpstreamError:
    """What ended an attempt, as the loop and the policy understand it: time-outs are the network's, what no adapter foresaw is logged
    and counts as an answer that could not be read."""
    match error:
        case UpstreamError():
            return error
        case TimeoutError():
            return UpstreamError(ErrorKind.NETWORK, "The upstream did not answer in time.", timed_out=True)
        case _:
            log.error("attempt.unforeseen", provider=offer.provider, model=offer.model, exc_info=error)
            return UpstreamError(ErrorKind.PARSING, "The upstream's answer could not be read.")


def kept(error: UpstreamError) -> UpstreamError:
    """The error, to be kept: without where it was raised. A traceback holds the frames, and those the upstream's whole answer, in a circle
    that nothing but the garbage collector would find."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error
