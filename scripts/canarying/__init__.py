"""The canary from a command line: before a configuration is deployed, or against a gateway that runs."""
