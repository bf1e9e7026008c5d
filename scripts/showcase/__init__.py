"""What `scripts/demo` shows: real parts, real traffic, and what the wire recorders saw of it.

`stage` starts the parts, `story` sends the requests and checks what came of them, `screen` prints. `sigv4` and `spark`
are a second opinion: written from AWS's text, they share nothing with the gateway.
"""
