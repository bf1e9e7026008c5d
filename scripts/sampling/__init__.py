"""Golden captures of real clients, made anew by anyone: see `scripts/make_captures --help`."""
