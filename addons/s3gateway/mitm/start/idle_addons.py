"""Dismiss the default addons that have nothing to do.

mitmdump asks some thirty addons at each of a request's hooks, and the asking alone costs about as much CPU as all of
the gateway's own work. Those listed here act only when one of their options is set, or only on commands that somebody
types; under mitmdump nobody can do either once it runs. mitmweb and mitmproxy keep them all.
"""

from typing import Final

from mitmproxy import ctx

ACTS_ON: Final[dict[str, tuple[str, ...]]] = {
    "anticache": ("anticache",),
    "anticomp": ("anticomp",),
    "block": ("block_global", "block_private"),
    "blocklist": ("block_list",),
    "browser": (),
    "commandhistory": (),
    "comment": (),
    "cut": (),
    "disableh2c": (),  # it guards against an upgrade to HTTP/2: Upgrade is hop-by-hop and PRI is no S3 method
    "export": (),
    "maplocal": ("map_local",),
    "mapremote": ("map_remote",),
    "modifybody": ("modify_body",),
    "modifyheaders": ("modify_headers",),
    "onboarding": ("onboarding",),
    "proxyauth": ("proxyauth",),
    "save": ("save_stream_file",),
    "savehar": ("hardump",),
    "serverplayback": ("server_replay",),
    "stickyauth": ("stickyauth",),
    "stickycookie": ("stickycookie",),
    "stripdnshttpsrecords": (),
    "upstreamauth": ("upstream_auth",),
}
"""Addon -> the options that give it something to do."""


def dismiss_idle_addons() -> None:
    """Take those out whose options are all off."""
    for name, options in ACTS_ON.items():
        addon = ctx.master.addons.get(name)
        if addon is not None and not any(getattr(ctx.options, option) for option in options):
            ctx.master.addons.remove(addon)
