"""Works in many commits, some of them undone again."""

from trust_case import Case

CASE = Case(
    must="shipped",
    held_out=True,
    agent="""
for n in 1 2 3 4 5; do echo "# $n" >> shop/price.py; git commit -q -am "Try $n"; done
git revert --no-edit HEAD > /dev/null
solve; git commit -q -am "Add totals and discounts"
""",
)
