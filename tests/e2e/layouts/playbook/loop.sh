#!/bin/bash
# ./loop.sh            build until it is stopped
# ./loop.sh 20         build, 20 iterations at the most
# ./loop.sh plan 5     plan, 5 iterations at the most

case "${1:-}" in
    plan) prompt=PROMPT_plan.md most=${2:-0} ;;
    '' | *[!0-9]*) prompt=PROMPT_build.md most=0 ;;
    *) prompt=PROMPT_build.md most=$1 ;;
esac
branch=$(git branch --show-current)
[ -f "$prompt" ] || { echo "there is no $prompt"; exit 1; }

n=0
while [ "$most" -eq 0 ] || [ "$n" -lt "$most" ]; do
    claude -p --dangerously-skip-permissions --output-format=stream-json --model opus --verbose < "$prompt"
    git push origin "$branch" || git push -u origin "$branch"
    n=$((n + 1))
    echo "──────── $prompt: $n ────────"
done
