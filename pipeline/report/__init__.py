"""One self-contained HTML page from what the others found."""
