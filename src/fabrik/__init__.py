"""fabrik: humans write specs, agents ship features, "done" means proven."""

__version__ = "0.1.0"
