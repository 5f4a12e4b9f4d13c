# What a word is, for all tools: whatever stands between white space.

count_words() {
    wc -w | tr -d ' '
}
