"""The plugin keeps every promise that third-party plugins are held to."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tests.plugins.workbench_text.encoder import tiny_encoder
from workbench.testing import check_plugin


def test_the_plugin_keeps_every_promise(tmp_path: Path) -> None:
    has_torch = find_spec("torch") is not None
    options = {"pretrained": str(tiny_encoder(tmp_path / "encoder"))} if has_torch else {}
    outcomes = check_plugin("text", options)
    assert {outcome.case.kind for outcome in outcomes} == {"plugin", "task", "model"}
    assert [outcome.message for outcome in outcomes if outcome.state == "failed"] == []
    untold = {outcome.case.target for outcome in outcomes if "needs" in outcome.seen}
    assert has_torch or untold >= {"pretrained", "pretrained-tuned"}
    assert not has_torch or untold == set()
