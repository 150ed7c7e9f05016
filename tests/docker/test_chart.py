"""The Helm chart, rendered by Helm's own engine: its resources are valid, refer to each other, run without rights, and hold no secret."""

import base64
import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet

from tests.docker.files import CHART
from tests.edge.test_env import KNOWN

helm = pytest.importorskip("helm_python", reason="no Helm: `make rehearsal` installs it")
kubernetes_validate = pytest.importorskip(
    "kubernetes_validate", reason="no schemas of Kubernetes: `make rehearsal` installs them"
)

URLS = {"databaseUrl": "postgres://freeai:x@db/freeai", "redisUrl": "redis://:x@redis:6379/0"}
DEMANDED: dict[str, Any] = {"connections": URLS}
EVERYTHING = DEMANDED | {
    "publicUrl": "https://ai.example.com",
    "ingress": {"enabled": True, "host": "ai.example.com", "tlsSecretName": "tls"},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "env": {"FREEAI_LOG_LEVEL": "warning"},
    "nodeSelector": {"disk": "ssd"},
    "imagePullSecrets": [{"name": "registry"}],
}
BROUGHT = {"connections": {"existingSecret": "urls"}, "secrets": {"existingSecret": "keys"}}
KUBERNETES = "1.31"


def rendered(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The resources."""
    with helm.Chart.load(str(CHART)) as chart:
        chart.validate_schema(values)
        files = chart.render(values, name="demo", namespace="ai")
    texts = [text for name, text in files.items() if name.endswith(".yaml")]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def of_kind(kind: str, resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in resources if each["kind"] == kind]


def pods(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in resources
        if each["kind"] in ("Deployment", "Job")
    }


def test_helm_finds_no_fault():
    found = helm.lint(str(CHART))

    assert found["errors"] == []
    assert [each["error"] for each in found["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize(
    "values", [DEMANDED, EVERYTHING, BROUGHT], ids=["least", "everything", "brought along"]
)
def test_every_resource_is_valid(values: dict[str, Any]):
    for resource in rendered(values):
        if resource["kind"] != "ServiceMonitor":  # of the Prometheus operator
            kubernetes_validate.validate(resource, KUBERNETES, strict=True)


def test_what_the_fleet_needs_is_there():
    resources = rendered(EVERYTHING)

    assert {each["kind"] for each in resources} == {
        "Deployment",
        "Job",
        "Secret",
        "Service",
        "Ingress",
        "PersistentVolumeClaim",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "ServiceMonitor",
    }
    assert sorted(pods(resources)) == [
        "demo-freeai-beat",
        "demo-freeai-setup-1",
        "demo-freeai-web",
        "demo-freeai-worker",
    ]


def test_pods_run_without_rights():
    for name, pod in pods(rendered(EVERYTHING)).items():
        (container,) = pod["containers"]

        assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False, name
        assert container["securityContext"]["readOnlyRootFilesystem"], name
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert "memory" in container["resources"]["limits"], name
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]} == {"data", "tmp"}, name


def test_selectors_find_what_they_are_for():
    resources = rendered(EVERYTHING)
    (web,) = [each for each in of_kind("Deployment", resources) if each["metadata"]["name"].endswith("-web")]
    labels = web["spec"]["template"]["metadata"]["labels"].items()
    (service,), (monitor,) = of_kind("Service", resources), of_kind("ServiceMonitor", resources)
    (budget,), (scaler,) = (
        of_kind("PodDisruptionBudget", resources),
        of_kind("HorizontalPodAutoscaler", resources),
    )

    assert service["spec"]["selector"].items() <= labels
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert scaler["spec"]["scaleTargetRef"]["name"] == web["metadata"]["name"]


def test_where_quotas_are_counted_is_in_the_secret_of_the_urls():
    state = {"connections": URLS | {"stateUrl": "redis://:x@redis:6379/1"}}
    of_none, of_one = (
        next(each for each in of_kind("Secret", rendered(values)) if "FREEAI_REDIS_URL" in each["stringData"])
        for values in (DEMANDED, state)
    )

    assert "FREEAI_STATE" not in of_none["stringData"]
    assert of_one["stringData"]["FREEAI_STATE"] == "redis://:x@redis:6379/1"


def test_one_web_process_until_one_value_says_otherwise():
    values = (CHART / "values.yaml").read_text()
    one, more = rendered(DEMANDED), rendered(DEMANDED | {"web": {"maxReplicas": 4}})

    assert "a second would grant\n  # each of them again" in values[: values.index("maxReplicas: 1")]
    for resources, most, strategy, storage in (
        (one, 1, "Recreate", "persistentVolumeClaim"),
        (more, 4, "RollingUpdate", "emptyDir"),
    ):
        (web,) = [
            each for each in of_kind("Deployment", resources) if each["metadata"]["name"].endswith("-web")
        ]
        assert of_kind("HorizontalPodAutoscaler", resources)[0]["spec"]["maxReplicas"] == most
        assert web["spec"]["strategy"]["type"] == strategy
        assert any(
            storage in volume
            for volume in web["spec"]["template"]["spec"]["volumes"]
            if volume["name"] == "data"
        )


def test_secrets_are_made_anew_for_every_installation():
    first, second = (
        {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
        for secret in (
            next(each for each in of_kind("Secret", rendered(DEMANDED)) if "data" in each) for _ in range(2)
        )
    )

    assert set(first) == {"FREEAI_SECRET_KEY", "FREEAI_MASTER_KEYS", "FREEAI_METRICS_TOKEN"}
    assert all(first[name] != second[name] for name in first)
    Fernet(first["FREEAI_MASTER_KEYS"])
    assert len(first["FREEAI_SECRET_KEY"]) >= 32 and len(first["FREEAI_METRICS_TOKEN"]) >= 16


def test_whoever_brings_secrets_gets_none_made():
    assert of_kind("Secret", rendered(BROUGHT)) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "connections.databaseUrl is needed"),
        ({"connections": {"databaseUrl": URLS["databaseUrl"]}}, "connections.redisUrl is needed"),
        ({"connections": URLS | {"databaseUrl": "mysql://x"}}, "databaseUrl"),
        (DEMANDED | {"publicUrl": "ai.example.com"}, "publicUrl"),
        (DEMANDED | {"firstAdmin": "anybody"}, "firstAdmin"),
        (DEMANDED | {"web": {"maxReplicas": 0}}, "maxReplicas"),
        (DEMANDED | {"ingress": {"enabled": True}}, "ingress.host is needed"),
    ],
)
def test_what_is_missing_or_wrong_is_said(values: dict[str, Any], words: str):
    with pytest.raises(helm.HelmError) as refused:
        rendered(values)

    assert words in str(refused.value)


def test_every_variable_is_one_that_freeai_reads():
    resources = rendered(EVERYTHING)
    given = {each["name"] for pod in pods(resources).values() for each in pod["containers"][0]["env"]}
    given |= {
        name
        for secret in of_kind("Secret", resources)
        for part in ("data", "stringData")
        for name in secret.get(part, {})
    }

    assert given - KNOWN == set()


def test_the_chart_is_of_this_version():
    from apps.gateway import __version__

    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__


def test_the_notes_say_how_to_become_administrator():
    with helm.Chart.load(str(CHART)) as chart:
        notes = chart.render(DEMANDED, name="demo", namespace="ai")["freeai/templates/NOTES.txt"]

    assert "set-up code" in notes and "Back up the Secret demo-freeai-secrets" in notes
    assert not re.search(r"{{|}}", notes)
