"""Dies in the middle of its report, each time."""

from trust_case import Case

CASE = Case(
    must="stopped",
    caught="crashed",
    agent="""
solve; git add -A
printf '{"v": 1, "taskId": "1", "status": "do' > "$FABRIK_REPORT"
kill -9 $$
""",
)
