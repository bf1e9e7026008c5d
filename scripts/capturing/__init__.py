"""Header captures: read from whatever holds requests, written in one schema. See scripts/capture_headers."""
