"""Replay captured requests: offline against golden header sets, online against a running gateway. See its `--help`."""
