"""The account that the mock stands for: ids of its company, its user, and one of its locations."""

LOCATION = "6578278e879ad2646715ba9c"  # any location can be read
COMPANY, USER = "tDtDnQdgm2LXpyiqYvZ6", "l1C08ntBrFjLS0elLIYU"
