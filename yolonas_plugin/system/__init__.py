"""What the process and the operating system have to do with it: Ctrl-C, the environment, imports that keep still."""
