"""Metrics, each with its values per example, and the significance of differences."""
