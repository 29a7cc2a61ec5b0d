"""The pages of the console: one blueprint for each group of pages."""
