"""The list of providers: the user's keys, and what is left on each."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.console.frame import is_part, page
from apps.console.pool import SHOWN, pool_of


def show(request: HttpRequest) -> HttpResponse:
    """GET `?show=&q=`; the table alone, as a part."""
    words = request.GET.get("q", "")
    pool = pool_of(request.user.pk or 0, request.GET.get("show", "all"), words)
    if is_part(request):
        return render(request, "console/pool_table.html", {"pool": pool})
    chips = [(name, label, pool.counts[name]) for name, label in SHOWN.items()]
    title = "Providers" if request.user.is_staff else "My provider keys"
    return page(request, "console/pool.html", title, pool=pool, chips=chips, words=words)
