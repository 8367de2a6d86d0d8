"""How the service loads its configuration again, on the stand-in driver."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.agent.running import fetch, free_port, serve, wait

pytestmark = pytest.mark.whole


def test_a_signal_loads_the_configuration_again(tmp_path: Path) -> None:
    config, port = tmp_path / "config.yaml", free_port()
    good = "flags: {migStrategy: none}\n"
    config.write_text(good)
    given = (f"--config-file={config}", "--sleep-interval=infinite", f"--metrics-addr=127.0.0.1:{port}")
    with serve(tmp_path, *given) as service:
        wait(lambda: service.labels, "labels")
        assert "mig.strategy" not in service.labels
        config.write_text("flags: {migStrategy: wrong}\n")
        service.process.send_signal(signal.SIGHUP)
        (rejected,) = wait(lambda: service.log("config.rejected"), "the rejection")
        assert rejected["reason"].startswith(f"flags.migStrategy ({config}:1): 'wrong' is not a valid value")
        assert "mig.strategy" not in service.labels
        wait(lambda: "\ngfd_config_rejected 1.0\n" in fetch(port, "/metrics")[1], "the metric")
        assert fetch(port, "/readyz") == (
            200,
            "ok\nconfiguration rejected, the one loaded before is in force: " + rejected["reason"] + "\n",
        )
        # What cannot be read at all does not hang it either.
        config.unlink()
        os.mkfifo(config)
        wait(lambda: len(service.log("config.rejected")) > 1, "the rejection of a pipe")
        assert service.log("config.rejected")[-1]["reason"].endswith("it is a pipe, not a regular file")
        config.unlink()
        # What is on disk is what is in force again.
        config.write_text(good)
        wait(lambda: "\ngfd_config_rejected 0.0\n" in fetch(port, "/metrics")[1], "the end of the rejection")
        assert fetch(port, "/readyz") == (200, "ok\n")
        config.write_text("flags: {migStrategy: mixed}\nnonsense: 1\n")
        service.process.send_signal(signal.SIGHUP)
        wait(lambda: service.labels.get("mig.strategy") == "mixed", "the new strategy")
        # A reload that finds the same warning again logs it at the level debug.
        (warning,) = (entry for entry in service.log("config.warning") if entry["level"] == "warning")
        assert warning["reason"].startswith(f"{config}:2: unknown key nonsense is ignored")
        wait(lambda: len(service.log("cycle.published")) == 2, "the second line")
        assert [entry["level"] for entry in service.log("cycle.published")] == ["info", "info"]
        assert "\ngfd_config_warnings 1.0\n" in fetch(port, "/metrics")[1]
        assert fetch(port, "/readyz") == (200, f"ok\nconfiguration warning: {warning['reason']}\n")
        # The key goes, and nothing else changes.
        config.write_text("flags: {migStrategy: mixed}\n")
        wait(lambda: fetch(port, "/readyz") == (200, "ok\n"), "the end of the warning")
        assert service.end()[0] == 0


def test_a_template_that_breaks_keeps_the_last_labels(tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "mine.j2").write_text("nvidia.com/mine=1\n")
    with serve(tmp_path, f"--template-dir={templates}") as service:
        wait(lambda: service.labels.get("mine") == "1", "labels")
        (templates / "mine.j2").write_text("nvidia.com/mine={{ 1/0 }}\n")
        service.process.send_signal(signal.SIGHUP)
        failed = wait(lambda: service.log("cycle.failed"), "the failure")
        assert failed[0]["reason"] == (
            "template mine.j2, line 1: division by zero in «nvidia.com/mine={{ 1/0 }}»"
        )
        assert service.labels["mine"] == "1"


def test_a_changed_config_file_is_loaded_without_a_signal(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("flags: {migStrategy: none}\n")
    with serve(tmp_path, f"--config-file={config}", "--sleep-interval=infinite") as service:
        wait(lambda: service.labels, "labels")
        timestamp = service.labels["gfd.timestamp"]
        config.write_text("flags: {migStrategy: 'none'} # the same in other words\n")
        time.sleep(2)
        assert not service.log("config.reloaded")
        config.write_text("flags: {migStrategy: mixed}\n")
        wait(lambda: service.labels.get("mig.strategy") == "mixed", "the new strategy")
        assert int(service.labels["gfd.timestamp"]) > int(timestamp)
