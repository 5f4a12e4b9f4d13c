"""Adds a dependency and a new version to the project's file, beside its rules."""

from trust_case import Case

CASE = Case(
    must="shipped",
    agent="""
solve; sed -i 's/^version = .*/version = "1.1"/
s/^dependencies = .*/dependencies = ["attrs>=23"]/' pyproject.toml
save
""",
)
