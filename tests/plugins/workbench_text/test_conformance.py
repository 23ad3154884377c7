"""The plugin keeps every promise that third-party plugins are held to."""

from __future__ import annotations

from workbench.testing import check_plugin


def test_the_plugin_keeps_every_promise() -> None:
    outcomes = check_plugin("text")
    assert {outcome.case.kind for outcome in outcomes} == {"plugin", "task", "model"}
    assert [outcome.message for outcome in outcomes if outcome.state == "failed"] == []
