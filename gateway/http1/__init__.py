"""HTTP/1.x as pure functions over bytes: what is read, what is refused and why, what is written."""
