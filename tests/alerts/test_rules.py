"""Each alert fires when it should and only then, and leads to what an operator does next."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pages import ROOT, anchors

RULES = ROOT / "manifests/prometheus/rules.yaml"
SCENES = Path(__file__).parent / "rules_test.yaml"
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
}
PARTS = ("Symptom", "Cause", "Next step")

needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not on PATH (Debian's package prometheus has it)"
)


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(("promtool", *arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    promtool("check", "rules", RULES)


@needs_promtool
def test_alerts_fire_when_they_should() -> None:
    promtool("test", "rules", SCENES)


@pytest.mark.slow
@needs_promtool
@pytest.mark.parametrize("alert", ALERTS)
@pytest.mark.parametrize("expression", ["vector(1)", "vector(1) > 1"], ids=["always", "never"])
def test_an_alert_that_fires_wrongly_would_be_found(tmp_path: Path, alert: str, expression: str) -> None:
    rules = yaml.safe_load(RULES.read_text())
    for rule in rules["groups"][0]["rules"]:
        if rule["alert"] == alert:
            rule["expr"] = expression
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    scenes = yaml.safe_load(SCENES.read_text()) | {"rule_files": ["rules.yaml"]}
    (tmp_path / "scenes.yaml").write_text(yaml.safe_dump(scenes))
    done = subprocess.run(
        ("promtool", "test", "rules", tmp_path / "scenes.yaml"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"alertname: {alert}" in done.stdout + done.stderr


def test_every_alert_has_its_scenes() -> None:
    tried = [
        each for scene in yaml.safe_load(SCENES.read_text())["tests"] for each in scene["alert_rule_test"]
    ]
    assert {each["alertname"] for each in tried if each["exp_alerts"]} == set(ALERTS)
    assert {each["alertname"] for each in tried if not each["exp_alerts"]} == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_leads_to_what_to_do(alert: str) -> None:
    file, _, anchor = ALERTS[alert]["annotations"]["runbook"].partition("#")
    page = ROOT / file
    assert anchor == alert.lower()
    assert anchor in anchors(page)
    section = page.read_text().split(f"### {alert}\n")[1].split("\n#")[0]
    assert tuple(re.findall(r"^\*\*(.+?)\.\*\*", section, re.MULTILINE)) == PARTS


def test_no_section_speaks_of_an_alert_that_is_gone() -> None:
    text = (ROOT / "docs/metrics.md").read_text()
    assert re.findall(r"^### (Gfd\w+)$", text, re.MULTILINE) == [*ALERTS]


def test_alerts_speak_of_metrics_that_there_are() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    for alert, rule in ALERTS.items():
        names = re.findall(r"gfd_\w+", rule["expr"])
        assert names, alert
        assert [name for name in names if f"`{name}`" not in page] == []
