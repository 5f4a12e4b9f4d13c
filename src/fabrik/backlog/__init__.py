"""Ralph Driven Development: a folder of numbered specs, candidates and done markers."""
