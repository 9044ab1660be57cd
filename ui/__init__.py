"""Shows answers: the web page and the command line."""
