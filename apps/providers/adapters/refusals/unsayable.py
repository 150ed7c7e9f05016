"""What a wire cannot say: the candidate's own limit, so that another one is tried."""

from apps.providers.errors import ErrorKind, UpstreamError


def cannot_say(message: str, param: str | None = None) -> UpstreamError:
    """The error to raise for a request that has no form on a wire. `param`: the field's path, such as `tools[0]`,
    where there is one to name."""
    return UpstreamError(ErrorKind.REFUSED, message, param=param)
