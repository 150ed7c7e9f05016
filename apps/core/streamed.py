"""Answers that are sent while they are made, line by line."""

from collections.abc import AsyncIterator, Iterable

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse


def csv_answer(request: HttpRequest, lines: Iterable[str], name: str) -> StreamingHttpResponse:
    """The lines, as a file of that name. They must ask no database: the request's connection may be given back before the last is made."""
    served_asynchronously = isinstance(request, ASGIRequest)
    return StreamingHttpResponse(
        _one_by_one(lines) if served_asynchronously else lines,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


async def _one_by_one(lines: Iterable[str]) -> AsyncIterator[str]:
    for line in lines:
        yield line
