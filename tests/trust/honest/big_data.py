"""Adds large files: binary data of the product, and data for tests."""

from trust_case import Case

CASE = Case(
    must="shipped",
    agent=r"""
solve; mkdir -p tests/data assets; head -c 3000000 /dev/urandom > assets/table.bin
head -c 3000000 /dev/zero | tr '\0' '7' > tests/data/sevens.txt; save
""",
)
