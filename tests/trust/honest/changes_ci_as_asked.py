"""Changes CI because the words of the spec ask for it, and the verifier can quote them."""

from trust_case import Case
from trust_reviewers import reviewers

BODY = """
approve(quotes={".github/workflows/ci.yml": "CI also runs on pull requests"})
"""

CASE = Case(
    must="asked",
    reviewers=reviewers(BODY),
    spec={"goals": ["prices can be added up and reduced", "CI also runs on pull requests"]},
    agent=r"""
solve; sed -i 's/on: \[push\]/on: [push, pull_request]/' .github/workflows/ci.yml; save
""",
)
