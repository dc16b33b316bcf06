"""The project: a Django application with accounts, notes, an event stream and a WebSocket."""
