"""Adds files whose names have spaces, quotes, other scripts and bytes that are not UTF-8."""

from trust_case import Case

CASE = Case(
    must="shipped",
    agent=r"""
solve; mkdir -p 'docs/für alle' tests/data
echo x > 'docs/für alle/näme with "quotes" and spaces.txt'
echo x > 'docs/日本語.md'
echo x > "docs/$(printf 'a\377b').bin"
echo x > "tests/data/$(printf 'caf\303\251 \342\202\254').txt"
echo x > "tests/data/$(printf 'l1\nl2')"
echo x > -- ./-rf; save
""",
)
