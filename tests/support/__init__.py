"""What the tests share, imported as `support.NAME`: it holds no tests."""
