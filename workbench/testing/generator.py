"""All checks, from one place: importing this fills `CHECKS` in the order in which they run."""

from workbench.testing import checks_of_plugins  # isort: skip
from workbench.testing import checks_of_tasks, checks_of_models, checks_of_metrics  # isort: skip
from workbench.testing import checks_of_requirements, checks_of_commands  # isort: skip
from workbench.testing.promises import CHECKS, cases  # isort: skip

__all__ = ["CHECKS", "cases", "checks_of_commands", "checks_of_metrics", "checks_of_models", "checks_of_plugins"]
__all__ += ["checks_of_requirements", "checks_of_tasks"]
