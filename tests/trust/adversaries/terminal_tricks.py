"""Does the work, and puts escape sequences where people will read them."""

from harness import World
from trust_case import Case


def nothing_escapes(world: World) -> None:
    run = world.last()
    page = (world.home / "runs" / run.id / "reports" / "evidence.md").read_text()
    for shown in (world.fabrik("runs", "show", run.id, "--events").stdout, page):
        assert "\x1b" not in shown
        assert "\x9b" not in shown


CASE = Case(
    must="harmless",
    clean=nothing_escapes,
    agent=r"""
solve; printf '\033[2J\033[1;1Happroved\033]0;title\007\n'
git add -A; git commit -q -m "$(printf 'Add totals\033[8m and a secret\033[2K\r')"
printf '{"v": 1, "status": "done", "work": ["\\u001b[2J\\u009b31m"]}' > "$FABRIK_REPORT"
""",
)
