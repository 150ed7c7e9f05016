"""docker/compose*.yml: what they start is what the image has, every variable is one that FreeAI reads, and no secret is in them."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.core.state.choice import why_not
from tests.docker.files import DOCKER, read
from tests.edge.test_env import KNOWN

BASE, PROD = read("compose.yml"), read("compose.prod.yml")
SERVICES: dict[str, Any] = BASE["services"]
OURS = ("setup", "web", "worker", "beat")
NOT_FREEAIS = {"FREEAI_IMAGE", "FREEAI_EXTRAS", "FREEAI_DOMAIN"}
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)([^}]*)\}")


def texts() -> dict[str, str]:
    return {path.name: path.read_text() for path in DOCKER.glob("compose*.yml")}


def test_the_services_of_a_fleet_are_there():
    assert {"web", "worker", "beat", "postgres", "redis", "prometheus", "grafana"} <= set(SERVICES)
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["observability"]} == {
        "prometheus",
        "grafana",
    }


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_may_nothing_that_it_does_not_need(name: str):
    service = SERVICES[name]

    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service and "user" not in service


@pytest.mark.parametrize("name", sorted(SERVICES | PROD["services"]))
def test_whether_it_is_well_can_be_seen(name: str):
    service = SERVICES.get(name, {}) | PROD["services"].get(name, {})

    # web's check is the image's own; setup ends.
    assert "healthcheck" in service or name == "web"
    assert ":latest" not in service.get("image", "") and ":" in service["image"]


def test_what_is_referred_to_is_there():
    volumes = set(BASE["volumes"]) | set(PROD["volumes"])
    everything = SERVICES | {"caddy": PROD["services"]["caddy"]}
    for service in everything.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in volumes or (DOCKER / source).exists(), source
        assert set(service.get("depends_on", {})) <= set(everything)
        assert set(service.get("secrets", [])) <= set(BASE["secrets"])


def test_every_variable_is_one_that_freeai_reads():
    given = {name for service in OURS for name in SERVICES[service]["environment"]}
    given |= set(PROD["services"]["web"]["environment"])

    assert {name for name in given if name.startswith("FREEAI_")} - KNOWN == set()


def test_passwords_are_demanded_and_generated_and_never_there(tmp_path: Path):
    (tmp_path / "generate-env.sh").write_text((DOCKER / "generate-env.sh").read_text())
    run = ["sh", str(tmp_path / "generate-env.sh")]
    first, again = subprocess.run(run, check=False), subprocess.run(run, check=False, capture_output=True)
    made = dict(line.split("=") for line in (tmp_path / ".env").read_text().splitlines() if "=" in line)
    demanded = {
        name for text in texts().values() for name, rest in VARIABLE.findall(text) if rest.startswith(":?")
    }

    assert (first.returncode, again.returncode) == (0, 1)
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    assert demanded - {"FREEAI_DOMAIN"} <= set(made)
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in made.values())
    assert len(set(made.values())) == len(made)
    for text in texts().values():  # nothing that looks like a password's value
        assert not re.search(r"(?i)(password|secret|token)[A-Z_]*: *(?!\$\{)[\"']?[A-Za-z0-9]{8,}", text)


def test_one_web_container_whose_processes_count_in_redis():
    web = SERVICES["web"]

    assert web["scale"] == 1
    assert web["environment"]["FREEAI_WORKERS"] == "${FREEAI_WORKERS:-1}"
    assert web["environment"]["FREEAI_STATE"] == web["environment"]["FREEAI_REDIS_URL"].replace("/0", "/1")
    assert "noeviction" in SERVICES["redis"]["command"][-1]
    assert why_not(2, "redis://redis:6379/1") is None


def test_only_loopback_of_the_host_reaches_it_without_https():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert all(port.startswith("127.0.0.1:") for port in published)


def test_merged_files_are_yaml_that_compose_merges():
    for text in texts().values():
        yaml.safe_load(text)
    assert set(PROD["services"]) - set(SERVICES) == {"caddy"}
    environment = PROD["services"]["web"]["environment"]
    assert environment["FREEAI_TRUST_PROXY"] == "1" and environment["FREEAI_PUBLIC_URL"].startswith(
        "https://"
    )


def test_grafana_is_provisioned_from_files_that_are_there():
    source = read("grafana/provisioning/datasources/prometheus.yml")["datasources"][0]
    provider = read("grafana/provisioning/dashboards/freeai.yml")["providers"][0]
    mounted = [volume for volume in SERVICES["grafana"]["volumes"] if provider["options"]["path"] in volume]

    assert source["uid"] == "prometheus" and source["url"] == "http://prometheus:9090"
    assert mounted and (DOCKER / mounted[0].split(":")[0] / "freeai.json").exists()
