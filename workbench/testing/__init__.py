"""The conformance kit: says what is wrong with a plugin before any user does.

In a plugin's own tests:

    from workbench.testing import parametrize_with_checks

    @parametrize_with_checks("my-plugin")
    def test_the_plugin_keeps_its_promises(check):
        check()

or on the command line, `workbench plugins check my-plugin`. A plugin's code runs in processes of its own: one that
hangs, crashes or ends its process fails the check it did that in.

With Workbench installed, pytest has the fixtures `workbench_store` and `workbench_registry`
(`workbench.testing.pytest_plugin`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.testing.examining import Examination, check_plugin, parametrize_with_checks
    from workbench.testing.promises import Case, Check, Outcome

_HOMES = {
    "Case": "promises",
    "Check": "promises",
    "Examination": "examining",
    "Outcome": "promises",
    "check_plugin": "examining",
    "parametrize_with_checks": "examining",
}

__all__ = ["Case", "Check", "Examination", "Outcome", "check_plugin", "parametrize_with_checks"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench.testing' has no attribute {name!r}")
    return getattr(import_module(f"workbench.testing.{_HOMES[name]}"), name)
