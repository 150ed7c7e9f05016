"""`/api/schema/` and `/api/docs/`, for everybody: they tell what any installation can, and nothing of this one."""

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer, JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.json_types import JSONObject


@cache
def document() -> JSONObject:
    """The OpenAPI document of all of `/api` and `/v1`. It stays the same while the process runs."""
    made: JSONObject = SchemaGenerator().get_schema(request=None, public=True)
    return made


class OpenToAll(APIView):
    """What no document needs to describe."""

    authentication_classes = []
    permission_classes = [AllowAny]
    schema: Any = None


class Document(OpenToAll):
    """GET: the OpenAPI document."""

    def get(self, request: Request) -> Response:
        return Response(document())


class Pages(OpenToAll):
    """GET: the document for people, from files of this server alone."""

    def get_renderers(self) -> list[BaseRenderer]:
        """A page where one is asked for; a refusal and what OPTIONS tells have no template."""
        return [TemplateHTMLRenderer() if self.request.method in ("GET", "HEAD") else JSONRenderer()]

    def get(self, request: Request) -> Response:
        return Response(template_name="freeai/api_docs.html")
