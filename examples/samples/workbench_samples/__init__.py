"""Sample data for Workbench; see the README of each folder for where it is from and what may be done with it."""
