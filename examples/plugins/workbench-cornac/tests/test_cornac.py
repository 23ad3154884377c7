"""The plugin keeps the promises of the contract, but for one that its library breaks."""

import pytest

from workbench.testing import parametrize_with_checks

pytest.importorskip("cornac")
EXPECTED = {"cornac-bpr:it_writes_nothing_outside_its_folder": "Cornac imports matplotlib, which writes a cache"}


@parametrize_with_checks("workbench-cornac", EXPECTED)
def test_promises(check):
    check()
