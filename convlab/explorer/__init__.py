"""The browser explorer: what a page is told of a network and a recording, and three ways to bring it the page."""
