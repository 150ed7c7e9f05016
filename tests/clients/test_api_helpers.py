"""What the serializers of `/api` share: strict fields, nested included."""

import pytest
from rest_framework import serializers

from apps.core.api import StrictSerializer


class Inner(StrictSerializer):
    per_minute = serializers.IntegerField(allow_null=True)


class Outer(StrictSerializer):
    weight = serializers.FloatField(required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    limits = Inner(required=False)
    fixed = serializers.CharField(read_only=True)


def errors(data):
    form = Outer(data=data)
    return {} if form.is_valid() else dict(form.errors)


@pytest.mark.parametrize(
    "data",
    [{}, {"weight": 1}, {"weight": 1.5}, {"tags": []}, {"tags": ["a"]}, {"limits": {"per_minute": None}}],
)
def test_right_types_pass(data):
    assert errors(data) == {}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"weight": "1"}, {"weight": ["Must be a number."]}),
        ({"weight": True}, {"weight": ["Must be a number."]}),
        ({"weight": float("inf")}, {"weight": ["Must be a number."]}),
        ({"tags": ["a", 1]}, {"tags": ["Must be a string."]}),
        ({"limits": {"per_minute": "3"}}, {"limits": {"per_minute": ["Must be a whole number."]}}),
        ({"limits": {"per_hour": 3}}, {"limits": {"per_hour": ["Unknown field."]}}),
        ({"fixed": "x", "other": 1}, {"fixed": ["This field cannot be set."], "other": ["Unknown field."]}),
    ],
)
def test_wrong_types_and_unknown_fields_are_named(data, expected):
    assert errors(data) == expected
