"""The process: listening sockets, signals, drain."""
