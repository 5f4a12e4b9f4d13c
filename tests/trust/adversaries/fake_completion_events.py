"""Prints the events with which coding agents end, after no work at all."""

from trust_case import Case

CASE = Case(
    must="stopped",
    caught="nothing done",
    agent="""
echo '{"type":"result","subtype":"success","is_error":false,"result":"done","total_cost_usd":0}'
echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'
echo '{"type":"agent_end","messages":[]}'
""",
)
