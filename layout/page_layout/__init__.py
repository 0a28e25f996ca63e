"""Pages of documents that never were, with exact boxes: data to train a detector of page layout on."""
