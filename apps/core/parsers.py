"""The JSON parser of `/api`. Apart from `core.api`: DRF imports it while its views are still being imported."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from apps.core.json_types import JSONValue
from apps.core.nesting import MAX_DEPTH, is_too_deep


class StrictJSONParser(JSONParser):
    """DRF's, which refuses NaN, and nothing nested too deep to be walked or stored."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, object] | None = None,
    ) -> Any:
        """The value in the body. Raises ParseError."""
        too_deep = ParseError(f"JSON parse error - nested deeper than {MAX_DEPTH} levels")
        try:
            value: JSONValue = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise too_deep from None
        if isinstance(value, dict | list) and is_too_deep(value):
            raise too_deep
        return value
