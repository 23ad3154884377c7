"""A model: an algorithm for one task with its hyperparameters."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

from workbench.contract import saving
from workbench.errors import ModelError
from workbench.space import Space

if TYPE_CHECKING:
    from workbench.contract.context import Context


@dataclass_transform(eq_default=False, field_specifiers=(dataclasses.field,))
class Model:
    """The base of every model. A subclass becomes a dataclass: its annotated fields are its hyperparameters.

    Every field has a working default; the first trial of a model runs its defaults. What `fit` learns goes
    into attributes that end in `_`, which are no fields even where they are annotated. How a fitted model
    answers depends on the task it is for:

    - `recommend`: `score(users)` or `score_histories(histories)`, see `workbench.blocks.recommend`;
    - tasks that predict a class or a number: `predict_proba(examples)` or `predict(examples)`, see
      `workbench.blocks.supervised`.
    """

    space: ClassVar[Space] = {}
    """Hyperparameter -> distribution; hyperparameters left out stay at their defaults."""

    starts: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Settings known to be good, tried first in this order; each completes the defaults."""

    needs: ClassVar[Collection[str]] = frozenset()
    """What the data must have, such as `"timestamps"`; without it the model is skipped."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        annotations = inspect.get_annotations(cls)
        cls.__annotations__ = {name: kind for name, kind in annotations.items() if not name.endswith("_")}
        dataclasses.dataclass(eq=False)(cls)
        cls.__annotations__ = annotations

    @classmethod
    def space_for(cls, shape: Mapping[str, int]) -> Space:
        """The space for data of this shape; `cls.space` unless overridden."""
        return cls.space

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float] | None:
        """The rough cost of one trial with the defaults: (CPU seconds, bytes of memory); None if unknown."""
        return None

    @classmethod
    def build(cls, params: Mapping[str, Any]) -> Model:
        """An unfitted model with these hyperparameters.

        Raises:
            ModelError: a name that is no hyperparameter of this model.
        """
        fields = cls.hyperparameters()
        unknown = [name for name in params if name not in fields]
        if unknown:
            raise ModelError(
                f"{cls.__name__} has no hyperparameter {unknown[0]!r}; it has {', '.join(fields) or 'none'}"
            )
        return cls(**params)

    @classmethod
    def hyperparameters(cls) -> dict[str, Any]:
        """Name -> default."""
        if not dataclasses.is_dataclass(cls):
            return {}
        defaults = {
            field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
            for field in dataclasses.fields(cls)
        }
        missing = [name for name, default in defaults.items() if default is dataclasses.MISSING]
        if missing:
            raise ModelError(f"{cls.__name__}.{missing[0]} has no default; every hyperparameter needs one")
        return defaults

    @classmethod
    def warm_up(cls) -> None:
        """Import what a fit takes long to import; called once in each worker, whose time it is and not the fit's."""

    def fit(self, train: Any, context: Context) -> None:
        """Learn from `train`, a part of the task's data, which must be left as it is.

        Raises:
            Pruned: passed through from `context.report`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how to fit")

    def save(self, folder: Path) -> None:
        """Write all that was learned into an empty folder; the default stores every attribute ending in `_`.

        Raises:
            ModelError: an attribute of a type that cannot be stored without pickle.
        """
        saving.save_attributes(self, folder)

    def restore(self, folder: Path) -> None:
        """Read what `save` wrote."""
        saving.restore_attributes(self, folder)
