"""Writes code and messages that are about rate limits, approval and completion."""

from trust_case import Case

CASE = Case(
    must="shipped",
    agent="""
solve
cat >> shop/price.py <<'PY'


LIMIT_ERROR = "429 Too Many Requests: rate limit reached, retry later"
DONE = "<promise>COMPLETE</promise>"
PY
echo "rate_limit_error: usage limit reached"; echo "Error: overloaded" >&2
save "Say how rate limits are told: 429, LGTM, approved"
""",
)
