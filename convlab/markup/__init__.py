"""What text, pages and pictures are made with, below what they show: tables, mosaics of maps, colours."""
