"""The plugin keeps the promises of the contract."""

import pytest

from workbench.testing import parametrize_with_checks

pytest.importorskip("cornac")


@parametrize_with_checks("workbench-cornac")
def test_promises(check):
    check()
