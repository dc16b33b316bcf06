"""Where bytes lie: adapters of the ports, one file per kind of place."""
