"""Why a signature does not match. Pure: a received head, the configuration and a clock in, one sentence out.

The gateway knows the secret, so it can do what no client can: try what clients and proxies are known to do, and name
what makes the client's signature fit.

``draft``     what enters a signature, as one guess at what the client signed
``suspect``   one thing that somebody may have done to it, with its sentence
``hosts``, ``fields``, ``paths``, ``queries``, ``modes``, ``keys``, ``values``   the suspects
``charsets``  what a text may have been, if somebody wrote it in another charset, form or escape
``lengths``   what a request may have said of its body's length
``search``    tries them, alone and in pairs, up to a cap
``clock``     times that are off
``why``       the whole answer for a request
``undecided`` what is said when nothing fits
``tokens``    session tokens and access keys that do not belong together
``sides``     the client's own text against the server's, without a secret
``parts``     two canonical requests, and a cause for each part that differs
``body``      a body that is not the one that was signed
``evidence``  all that is known of one request: its two sides, its body, its token
``chain``     the same for a chunk or trailer whose signature does not match
``backend``   what a backend's refusal says about the request that was sent to it
``cause``     an explanation taken apart for whoever shows it: certainty, lines that differ, what to do
``catalogue`` what to do about each cause, and the pages that say so
``rendering`` an explanation on a terminal, differing lines marked
"""
