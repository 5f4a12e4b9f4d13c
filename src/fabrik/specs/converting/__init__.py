"""Markdown to JSON and back, so that nothing that a person wrote is lost.

What a spec asks for stands in fields (`content`). All other lines of a Markdown spec are its prose: lines as
they are, with places for the fields between them (`layout` takes a document apart, `fill` puts it together).
"""
