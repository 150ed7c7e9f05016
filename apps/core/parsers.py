"""The JSON parser of `/api`. Apart from `core.api`: DRF imports it while its views are still being imported."""

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

from apps.core.json_bounds import MAX_DEPTH, holds_more_values, is_too_deep
from apps.core.json_types import JSONValue


class TooManyValues(APIException):
    """413: what `/v1` answers too."""

    status_code = 413

    def __init__(self) -> None:
        super().__init__(f"The request body holds more than {settings.FREEAI_MAX_JSON_VALUES} JSON values.")


class StrictJSONParser(JSONParser):
    """DRF's, which refuses NaN, but nothing with too many values to decode, or nested too deep to be walked or stored."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, object] | None = None,
    ) -> Any:
        """The value in the body. Raises ParseError, TooManyValues."""
        too_deep = ParseError(f"JSON parse error - nested deeper than {MAX_DEPTH} levels")
        body = stream.read()
        if holds_more_values(body, settings.FREEAI_MAX_JSON_VALUES):
            raise TooManyValues
        try:
            value: JSONValue = super().parse(BytesIO(body), media_type, parser_context)
        except RecursionError:
            raise too_deep from None
        if isinstance(value, dict | list) and is_too_deep(value):
            raise too_deep
        return value
