"""The composition: the only room that names concrete adapters."""
