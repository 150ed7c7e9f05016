"""The files of docker/ as tests read them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
CHART = DOCKER / "helm" / "freeai"


def read(name: str) -> Any:
    """A YAML file of docker/, its anchors and merges resolved."""
    return yaml.safe_load((DOCKER / name).read_text(encoding="utf-8"))


def panels() -> Iterator[dict[str, Any]]:
    """The dashboard's panels that ask anything."""
    dashboard = json.loads((DOCKER / "grafana/dashboards/freeai.json").read_text(encoding="utf-8"))
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def queries() -> dict[str, str]:
    """Every query by where it stands: those of the panels, and the alerts'. Grafana's own interval is five minutes here."""
    found = {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "5m")
        for panel in panels()
        for target in panel["targets"]
    }
    rules = read("prometheus/rules.yml")["groups"][0]["rules"]
    return found | {rule["alert"]: rule["expr"] for rule in rules}
