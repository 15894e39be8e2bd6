"""The pages: drawn on the server, for people and shops in a browser."""
