"""Works under a check that wants a clean working tree and a test file extended."""

from trust_case import Case

CASE = Case(
    must="shipped",
    spec={
        "checks": [
            {"name": "tests", "run": "python3 -m unittest discover -q"},
            {
                "name": "clean",
                "run": 'test -z "$(git status --porcelain)" && git log -1 --format=%s | grep -q "^feat"',
            },
        ]
    },
    agent="""
solve
cat >> tests/test_cart.py <<'PY'

    def test_starts_empty(self):
        self.assertEqual(Cart().items, {})
PY
save "feat: add totals"
""",
)
