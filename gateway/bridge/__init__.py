"""What the legacy application is given for a token: its own cookies back, headers, a CSRF pair, a logout."""
