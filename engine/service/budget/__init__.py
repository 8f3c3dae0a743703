"""One account of memory: bodies, arrays, volumes, sessions and answers reserve here before they are made."""
