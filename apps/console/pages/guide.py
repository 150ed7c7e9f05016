"""The way to the first real answer."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.accounts.profiles import profile_of
from apps.console.frame import is_part, page
from apps.console.home.guide import steps_of


def show(request: HttpRequest) -> HttpResponse:
    """GET: the steps; the same without the frame, as a part."""
    steps = steps_of(cast("User", request.user))
    if is_part(request):
        return render(request, "console/guide_steps.html", {"steps": steps})
    title = "You are set up" if steps.answer else "Four steps to your first answer"
    return page(request, "console/guide.html", title, steps=steps)


@require_POST
def hide(request: HttpRequest) -> HttpResponse:
    """The dashboard comes first from now on."""
    profile = profile_of(request.user)
    profile.hides_guide = True
    profile.save()
    messages.success(request, "The guide is hidden. The menu at your name has it, as “First steps”.")
    return redirect("admin:dashboard")
