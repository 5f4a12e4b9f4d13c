# Runs all tests; each prints what it misses.
cd "$(dirname "$0")/.." || exit 1
status=0
for test in tests/*_test.sh; do
    if sh "$test"; then echo "ok    $test"; else echo "FAILS $test"; status=1; fi
done
exit $status
