"""Cannot be imported."""

raise RuntimeError("this plugin was never finished")
