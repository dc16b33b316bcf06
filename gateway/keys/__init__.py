"""Signing and verification keys: where they come from and which state they are in."""
