cd "$(dirname "$0")/.." || exit 1
set -e
for test in tests/*_test.sh; do sh "$test"; done
