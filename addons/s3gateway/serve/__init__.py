"""Several gateways on one socket: a parent that binds and supervises, workers that are ``mitmdump -s`` each.

``python -m s3gateway.serve`` is the parent; :mod:`s3gateway.serve.worker` is what a worker knows of it. Neither imports
mitmproxy, so the parent stays small.
"""
