"""The console: pages for people below /_mock/ui. It uses the control API, as any other client does."""
