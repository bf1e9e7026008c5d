"""The matrix of clients: real S3 clients, straight to the backend and through the gateway: `scripts/clients --help`.

A client is one program, its driver (tests/clients/drivers), that does every case it has an API for and tells of each in
one line of JSON. It runs once a lane: straight to the backend, and through the gateway over HTTP and TLS, with no rule,
SSE-KMS and SSE-C. What it sends is read from the gateway's own capture.
"""
