"""The search: ask, evaluate anywhere, tell; budget, allocation among models, selection."""
