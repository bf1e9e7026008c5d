"""`scripts/keys`: which keys there are, who still uses the old ones, and what to do about it."""
