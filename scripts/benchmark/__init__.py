"""`scripts/bench`: what the gateway costs, as ratios between targets that are measured in turn in one run."""
