"""The graph between data and models: what came from what, column by column, and what follows from it."""
