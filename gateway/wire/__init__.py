"""Sockets: the client's connection, one exchange, the upstream pool, tunnels."""
