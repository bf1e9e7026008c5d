"""Client bytes in, backend bytes out; nothing unverified in between."""
