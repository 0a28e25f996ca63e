"""The process and its operating system: Ctrl-C, environment variables, threads, imports without telemetry."""
