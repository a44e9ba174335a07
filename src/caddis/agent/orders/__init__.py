"""What control may ask of this host. An order checks, decides in the book, and walks an operation for what is long."""
