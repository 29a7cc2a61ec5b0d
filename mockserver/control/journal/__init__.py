"""Control of journals: query, verify and wait for the calls that clients made, and stream them."""
