"""The browser app: pages and a JSON API over the same functions as the command line."""
