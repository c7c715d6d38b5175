"""The exception tree is what its docstring draws."""

from __future__ import annotations

import inspect

from markerless import errors


def test_one_root() -> None:
    for name, cls in inspect.getmembers(errors, inspect.isclass):
        assert issubclass(cls, errors.MarkerlessError), name


def test_every_class_is_drawn_in_the_docstring() -> None:
    assert errors.__doc__ is not None
    for name, _ in inspect.getmembers(errors, inspect.isclass):
        assert name in errors.__doc__


def test_a_lost_race_for_labels_is_a_storage_error() -> None:
    assert issubclass(errors.RevisionError, errors.StorageError)
