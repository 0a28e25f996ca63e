"""Files and folders: finding them, writing them whole or not at all, temporary ones, hashes."""
