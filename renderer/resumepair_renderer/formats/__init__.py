"""What a document becomes besides a PDF; one module a format, all from the same view of it."""
