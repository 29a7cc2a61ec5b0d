"""TLS for the server: a certificate authority kept in the user's data folder, and TLS contexts."""
