"""The plugin keeps the promises of the contract."""

from workbench.testing import parametrize_with_checks


@parametrize_with_checks("workbench-tabular")
def test_promises(check):
    check()
