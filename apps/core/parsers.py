"""The JSON parser of `/api`. Apart from `core.api`: DRF imports it while its views are still being imported."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from apps.core.encodings import encoding_of, not_decoded
from apps.core.strict_json import TooManyValuesError, decode


class TooManyValues(APIException):
    """413: what `/v1` answers too."""

    status_code = 413

    def __init__(self) -> None:
        super().__init__(f"The request body holds more than {settings.FREEAI_MAX_JSON_VALUES} JSON values.")


class UnsupportedEncoding(APIException):
    """415: what `/v1` answers too."""

    status_code = 415

    def __init__(self, encoding: str) -> None:
        super().__init__(not_decoded(encoding))


class StrictJSONParser(JSONParser):
    """As DRF's, but strict: see `strict_json`."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, object] | None = None,
    ) -> Any:
        """The value in the body. Raises ParseError, TooManyValues, UnsupportedEncoding."""
        request = (parser_context or {}).get("request")
        if isinstance(request, Request) and (encoding := encoding_of(request.META)):
            raise UnsupportedEncoding(encoding)
        try:
            return decode(stream.read())
        except TooManyValuesError:
            raise TooManyValues from None
        except ValueError as error:
            raise ParseError(f"JSON parse error - {error}") from None
