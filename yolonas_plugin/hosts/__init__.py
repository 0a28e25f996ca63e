"""One thin module for each host that has a contract of its own."""
