"""Reading other people's pages: carefully, politely, and within limits."""
