"""The only places that decide the order of things: a request, a response, tokens, what is live."""
