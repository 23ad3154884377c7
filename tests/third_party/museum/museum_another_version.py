"""Asks for another version of automl-workbench in its metadata; it is never imported."""

raise AssertionError("imported all the same")
