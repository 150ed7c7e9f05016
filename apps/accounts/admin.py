"""Users in the admin site, and its sign-in form."""

from typing import TYPE_CHECKING, Any

from auditlog.admin import LogEntryAdmin
from auditlog.filters import ResourceTypeFilter
from auditlog.models import LogEntry
from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts import sign_in, users
from apps.accounts.throttle import TooManyAttemptsError
from apps.core.odd_names import plain_name

if TYPE_CHECKING:
    ChangeFormBase = UserChangeForm[User]
else:  # Django's classes are generic for the type checker only
    ChangeFormBase = UserChangeForm

RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class SignInForm(AdminAuthenticationForm):
    """The admin site's, behind the throttle of every sign-in; for everybody who is active."""

    retry_after_s: int | None = None
    """Seconds, where the throttle has closed."""
    error_messages = AdminAuthenticationForm.error_messages | {"invalid_login": "Name or password is wrong."}

    def confirm_login_allowed(self, user: Any) -> None:
        """The check has refused who is inactive; who is not staff sees what is theirs."""

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if self.request is None or name is None or not password:
            return self.cleaned_data
        try:
            self.user_cache = sign_in.check(self.request, name, password)
        except TooManyAttemptsError as error:
            self.retry_after_s = error.retry_after_s
            raise ValidationError(str(error), code="throttled") from None
        if self.user_cache is None:
            raise self.get_invalid_login_error()
        self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class ChangeForm(ChangeFormBase):
    """Keeps a superuser, as `/api/users` does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "is_staff" in self.fields:
            self.fields["is_staff"].help_text = "Whether their permissions count, here and in /api."

    def clean_username(self) -> str:
        """Raises ValidationError for a name that differs from another user's in case only: the form of a new user does as well."""
        name: str = self.cleaned_data["username"]
        if User.objects.exclude(pk=self.instance.pk).filter(username__iexact=name).exists():
            raise ValidationError("A user with that name exists already.")
        return name

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError."""
        cleaned = super().clean() or self.cleaned_data
        ending = [name for name in ("is_active", "is_superuser") if cleaned.get(name) is False]
        if ending:
            try:
                users.lock_superusers()
                users.refuse_without(User.objects.filter(pk=self.instance.pk))
            except users.LastSuperuserError as error:
                raise ValidationError({ending[0]: str(error)}) from None
        return cleaned


class NamedPermissions(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # takes none at run time
    """Permissions by what they let do."""

    def label_from_instance(self, obj: Any) -> str:
        """Client key: change."""
        return f"{obj.content_type.name.capitalize()}: {obj.codename.partition('_')[0]}"


class OfDjango(ModelAdmin):  # type: ignore[type-arg]  # takes none at run time
    """Models of Django's: their names are held to what all names are. Offers the permissions of what has pages here: the others let nobody
    do anything."""

    filter_horizontal = ()  # a script's; checkboxes need none

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Raises nothing."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        if isinstance(field, forms.CharField):
            field.validators = [*field.validators, plain_name]
        return field

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Raises nothing."""
        if db_field.remote_field.model is Permission:
            kinds = ContentType.objects.get_for_models(*self.admin_site._registry).values()
            found = Permission.objects.filter(content_type__in=kinds).select_related("content_type")
            options |= {"queryset": found, "form_class": NamedPermissions}
        return super().formfield_for_manytomany(db_field, request, **options)


class Groups(OfDjango, GroupAdmin):  # type: ignore[misc]  # the stubs name its last argument otherwise
    """What a group may do, and under which name single sign-on finds its members, is said by superusers: who else changed either could
    give themselves rights. Staff make empty groups, and delete some."""

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> list[str]:
        """Raises nothing."""
        own = list(super().get_readonly_fields(request, obj))
        if _is_superuser(request):
            return own
        return [*own, "permissions"] if obj is None else [*own, "name", "permissions"]


class GuardedUserAdmin(OfDjango, UserAdmin):  # type: ignore[type-arg]  # takes none at run time
    """Staff change users that are neither staff nor superusers; rights are given by superusers."""

    form = ChangeForm

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Raises nothing."""
        own = list(super().get_readonly_fields(request, obj))
        return own if _is_superuser(request) else [*own, *RIGHTS]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Of a user, and by that of their password."""
        return super().has_change_permission(request, obj) and _may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Of a user."""
        return super().has_delete_permission(request, obj) and _may_change(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Protects the last superuser, one by one and in bulk."""
        to_delete, counts, lacking, protected = super().get_deleted_objects(objs, request)
        leaving: QuerySet[User] = User.objects.filter(pk__in=[each.pk for each in objs])
        try:
            users.refuse_without(leaving)
        except users.LastSuperuserError as error:
            protected = [*protected, str(error)]
        return to_delete, counts, lacking, protected


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


def _may_change(request: HttpRequest, other: User | None) -> bool:
    return other is None or users.may_change(request.user, other)  # type: ignore[arg-type]  # never anonymous here


class AuditAdmin(LogEntryAdmin):  # type: ignore[misc]  # auditlog has no types
    """What people changed, with who they were and where they came from; nobody edits it."""

    list_display = ["created", "resource_url", "action", "msg_short", "by", "via", "remote_addr"]
    list_filter = ["action", ResourceTypeFilter]
    readonly_fields = [*LogEntryAdmin.readonly_fields, "by", "via", "remote_addr"]
    fieldsets = [
        (None, {"fields": ["created", "by", "via", "remote_addr", "resource_url"]}),
        ("Changes", {"fields": ["action", "msg"]}),
    ]

    @admin.display(description="By")
    def by(self, entry: LogEntry) -> str:
        """The name of that time, and the admin token that spoke for it."""
        signature = entry.additional_data or {}
        name, token = signature.get("by", ""), signature.get("token")
        return f"{name} (token {token})" if token else f"{name}"

    @admin.display(description="Via")
    def via(self, entry: LogEntry) -> str:
        """api, admin, sso, or a command."""
        return f"{(entry.additional_data or {}).get('via', '')}"


if apps.is_installed("allauth"):
    # Where to sign in is a matter of the environment: an application made here would be another way in.
    for model in ("account.EmailAddress", "socialaccount.SocialApp", "socialaccount.SocialToken"):
        admin.site.unregister(apps.get_model(model))

admin.site.login_form = SignInForm
admin.site.unregister([User, Group])
admin.site.register(User, GuardedUserAdmin)
admin.site.register(Group, Groups)
admin.site.unregister(LogEntry)
admin.site.register(LogEntry, AuditAdmin)
