"""Writing a network in the formats of other runtimes, with what its user must know in the file itself."""
