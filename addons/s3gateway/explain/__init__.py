"""Why a signature does not match. Pure: a received head, the configuration and a clock in, one sentence out.

The gateway knows the secret, so it can do what no client can: try what clients and proxies are known to do, and name
what makes the client's signature fit.

``draft``     what enters a signature, as one guess at what the client signed
``suspect``   one thing that somebody may have done to it, with its sentence
``hosts``, ``fields``, ``paths``, ``queries``, ``modes``, ``keys``   the suspects
``search``    tries them, alone and in pairs, up to a cap
``clock``     times that are off
``why``       the whole answer for a request
``chain``     the same for a chunk or trailer whose signature does not match
``backend``   what a backend's refusal says about the request that was sent to it
``cause``     an explanation taken apart for whoever shows it: certainty, lines that differ, what to do
``catalogue`` what to do about each cause, and the pages that say so
``rendering`` an explanation on a terminal, differing lines marked
"""
