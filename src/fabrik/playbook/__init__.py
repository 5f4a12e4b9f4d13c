"""The Ralph layout: prompts, AGENTS.md, the plan, the audience; reading them, and laying them out.

layout      which of the files a project has, what a mode needs, the prompt of a mode
variables   `${WORK_SCOPE}` and the other named variables of prompts
agents_md   the project's own checks, out of AGENTS.md
plan        the items of IMPLEMENTATION_PLAN.md, and what became of them
"""
