"""An agent takes a spec apart into tasks, and the host sees to it that nothing is left out."""
