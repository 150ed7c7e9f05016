"""How the user likes these pages: theme, time zone, keys."""

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from apps.accounts.models import Profile, Theme
from apps.accounts.profiles import profile_of, zones
from apps.console.frame import page

if TYPE_CHECKING:
    FormBase = forms.ModelForm[Profile]
else:  # Django's classes are generic for the type checker only
    FormBase = forms.ModelForm


class ProfileForm(FormBase):
    """All of a profile."""

    time_zone = forms.ChoiceField(
        required=False,
        choices=lambda: [("", "The browser's"), *((name, name) for name in zones())],
        help_text=Profile._meta.get_field("time_zone").help_text,
    )

    class Meta:
        model = Profile
        fields = ["theme", "time_zone", "single_keys", "hides_guide"]


def show(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST: keep it."""
    form = ProfileForm(request.POST or None, instance=profile_of(request.user))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return redirect("admin:profile")
    return page(request, "console/profile.html", "Your profile", form=form)


@require_POST
def switch_theme(request: HttpRequest) -> HttpResponse:
    """The theme alone, and back to where the switch was."""
    profile = profile_of(request.user)
    wanted = request.POST.get("theme", "")
    if wanted in Theme.values:
        profile.theme = wanted
        profile.save()
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    return redirect(back if is_ours else "admin:index")
