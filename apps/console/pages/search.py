"""Search and jump, as a page and as the part of it that Ctrl K shows; and whether the session still is one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.console.frame import is_part, page
from apps.console.search import find


def show(request: HttpRequest) -> HttpResponse:
    """GET `?q=`."""
    text = request.GET.get("q", "")
    found = {"kinds": find(request, text), "text": text}
    if is_part(request):
        return render(request, "console/found.html", {**found, "is_part": True})
    return page(request, "console/search.html", "Search", **found)


def here(_request: HttpRequest) -> HttpResponse:
    """GET: 204 while the session is one and the database answers. A page asks before it sends a form that has stood for a while."""
    return HttpResponse(status=204)
