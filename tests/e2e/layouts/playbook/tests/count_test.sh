# A text is counted by its white space, for that is how people count.
[ "$(printf 'one  two\nthree' | sh src/count.sh)" = 3 ] || { echo "three words are not 3"; exit 1; }
[ "$(printf '' | sh src/count.sh)" = 0 ] || { echo "no words are not 0"; exit 1; }
