"""The Ralph layout: prompts, AGENTS.md, the plan, the audience; reading them, and laying them out."""
