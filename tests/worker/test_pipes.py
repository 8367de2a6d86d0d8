from __future__ import annotations

from gfd.worker.pipes import open_pipes


def test_a_child_that_has_reported_no_step_is_in_its_startup() -> None:
    parent, child = open_pipes()
    try:
        assert parent.current_step == "startup"
    finally:
        parent.close()
        child.close()
