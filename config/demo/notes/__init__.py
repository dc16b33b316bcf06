"""The one application of the project: notes, and the pages around them."""
