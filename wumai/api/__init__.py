"""The API: the bytes of a request to a handler, what it did to the bytes of an answer."""
