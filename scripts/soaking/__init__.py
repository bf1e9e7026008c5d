"""`scripts/soak`: a gateway before MinIO under hours of everything at once; then what was promised is counted.

`site` runs the servers, crashes MinIO and reloads the gateway; `traffic` and `refusals` are what the clients do, with
`wire` for what no SDK would send; `ledger` knows what may be in a key; `figures` watches memory and descriptors;
`reckoning` reads everything back, and `__main__` tells.

`memory` is another run: `memory_rows` has its kinds of traffic, `visitor` is one of its clients.
"""
