"""One codec per framework: how its session cookie and its stored record are read."""
