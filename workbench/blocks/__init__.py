"""Building blocks that plugin models share."""
