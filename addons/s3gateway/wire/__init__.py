"""Sockets and time: clients in front, backends behind, on asyncio alone."""
