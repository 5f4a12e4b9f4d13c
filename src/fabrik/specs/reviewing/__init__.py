"""Is a spec checkable? Rules that read it as a stranger would, without a model and without a network.

`outline` says what a spec holds for them, whatever its format; `from_markdown` and `from_json` make it;
every rule is a function from an outline to findings; `review` puts them together with a score.
"""
