"""What both ends of a connection compute: credit, ages, and who owns a key. Pure."""
