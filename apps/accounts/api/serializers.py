"""Users on the wire of `/api/users`."""

from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from apps.core.api import StrictSerializer
from apps.core.json_types import JSONObject
from apps.core.odd_names import plain_name
from apps.core.roles import role

MAX_NAME = 150
MAX_PASSWORD = 4096
MAX_GROUPS = 500
NAME_TAKEN = "A user with that name exists already."


class NewUserFields(StrictSerializer):
    """Name and password, as everybody has them."""

    username = serializers.CharField(max_length=MAX_NAME, validators=[UnicodeUsernameValidator(), plain_name])
    password = serializers.CharField(max_length=MAX_PASSWORD, trim_whitespace=False, write_only=True)

    def validate_username(self, value: str) -> str:
        """In the form in which Django stores and compares it."""
        return User.normalize_username(value)


class UserSerializer(NewUserFields, serializers.ModelSerializer[User]):
    """A user as administrators see and edit them. `groups` by name; the password goes in and never comes out."""

    role = serializers.SerializerMethodField()
    groups = serializers.SlugRelatedField(
        slug_field="name", queryset=Group.objects.all(), many=True, required=False
    )

    class Meta:
        model = User
        fields = [
            "id",
            "username",
            "email",
            "password",
            "role",
            "is_active",
            "is_staff",
            "is_superuser",
            "groups",
            "last_login",
            "date_joined",
        ]
        read_only_fields = ["id", "last_login", "date_joined"]

    def get_role(self, user: User) -> str:
        """Follows from the flags."""
        return role(user)

    def validate_username(self, value: str) -> str:
        """Raises ValidationError for a name that somebody else has."""
        name = super().validate_username(value)
        others = User.objects.exclude(pk=self.instance.pk) if self.instance else User.objects.all()
        if others.filter(
            username__iexact=name
        ).exists():  # names that differ in case only are mistaken for each other
            raise serializers.ValidationError(NAME_TAKEN)
        return name

    def validate_groups(self, value: list[Group]) -> list[Group]:
        """Raises ValidationError."""
        if len(value) > MAX_GROUPS:
            raise serializers.ValidationError(f"At most {MAX_GROUPS} groups.")
        return value

    def validate(self, attrs: JSONObject) -> JSONObject:
        """The rules for passwords look at name and address too. Raises ValidationError."""
        if "password" in attrs:
            known = self.instance or User()
            texts = {name: attrs.get(name, getattr(known, name)) for name in ("username", "email")}
            refuse_weak(attrs["password"], User(**texts))
        return attrs

    def create(self, validated_data: JSONObject) -> User:
        """Store a new user."""
        groups = validated_data.pop("groups", [])
        user = User.objects.create_user(**validated_data)
        user.groups.set(groups)
        return user

    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        """Only what was sent is written."""
        if "groups" in validated_data:
            instance.groups.set(validated_data.pop("groups"))
        if "password" in validated_data:
            instance.set_password(validated_data["password"])
        for name in set(validated_data) - {"password"}:
            setattr(instance, name, validated_data[name])
        if validated_data:
            instance.save(update_fields=list(validated_data))
        return instance


def refuse_weak(password: str, user: User, field: str = "password") -> None:
    """Raises ValidationError that names the field."""
    try:
        validate_password(password, user)
    except DjangoValidationError as error:
        raise ValidationError({field: error.messages}) from None
