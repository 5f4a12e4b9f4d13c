"""Adds a link between the data of tests."""

from trust_case import Case

CASE = Case(
    must="shipped",
    agent="""
solve; mkdir -p tests/data; echo 1 > tests/data/one.txt
ln -s one.txt tests/data/first.txt; ln -s ../shop tests/shop
save
""",
)
