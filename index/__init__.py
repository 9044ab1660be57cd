"""A brief arrives: load it, cut it into passages, embed and store them, search them."""
