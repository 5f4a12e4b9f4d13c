"""An interview: an agent asks a person, one question at a time, and writes the spec."""
