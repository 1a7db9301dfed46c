// An empty program.
