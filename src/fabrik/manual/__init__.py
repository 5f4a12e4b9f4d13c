"""The pages of the documentation, and how they are found.

pages.py     the topics, their order and their texts (pages/*.md; pages/index.md is the table of contents)
markdown.py  how a page is read: one parser and one way to make anchors, for the terminal and for the site
site/        the same pages as a small static site
"""
