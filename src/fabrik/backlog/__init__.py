"""Ralph Driven Development: a folder of numbered specs, their order, markers, logs and exit contract.

Only the formats of that folder live here. What is done with them is in `fabrik.workflows.backlog`.
"""
