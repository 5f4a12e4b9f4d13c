# Prints how many words a text on stdin has.
. "$(dirname "$0")/lib/words.sh"

count_words
