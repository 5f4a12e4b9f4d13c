"""The pages of the documentation, and how they are found."""
