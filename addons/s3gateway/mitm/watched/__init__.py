"""Flows, and what people do with them: mitmweb, the console, flow files, replay."""
