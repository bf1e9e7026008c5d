"""The shell around the pure core: the only package that imports mitmproxy."""
