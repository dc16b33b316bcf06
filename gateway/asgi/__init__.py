"""The same flow on any ASGI server: as middleware and as a reverse proxy."""
