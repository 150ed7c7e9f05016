"""What sign-in and set-up answer when they do not, as exceptions of DRF."""

from rest_framework import status
from rest_framework.exceptions import APIException

from apps.accounts.throttle import TooManyAttemptsError


class NotSignedIn(APIException):
    """401, whichever way the view authenticates: DRF's own turns into a 403 where it does not."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_detail = "Wrong name or password."


class Conflict(APIException):
    """409."""

    status_code = status.HTTP_409_CONFLICT


class Throttled(APIException):
    """429, with Retry-After: DRF makes the header of `wait`."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS

    def __init__(self, error: TooManyAttemptsError) -> None:
        super().__init__(str(error))
        self.wait = error.retry_after_s
