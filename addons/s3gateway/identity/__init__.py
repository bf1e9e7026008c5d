"""Who somebody is, and what a session of theirs may do: sealed sessions, roles, session policies, STS. Sans-IO."""
