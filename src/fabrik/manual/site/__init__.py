"""The manual as a small static site: no script that is needed, no font, nothing from elsewhere."""
